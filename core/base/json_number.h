// Numbers of JSON that are what they are taken for.
#pragma once

#include <cstdint>
#include <utility>

#include "core/base/json.h"

namespace espalier {

// A whole number that T holds. Throws what json::get() throws for another type, also for a fraction, and for 1e30 or
// another number out of range, which get() would cast.
template <class T>
T whole_number(const nlohmann::json& value) {
  const bool fits = value.is_number_unsigned() ? std::in_range<T>(value.get<uint64_t>())
                                               : value.is_number_integer() && std::in_range<T>(value.get<int64_t>());
  if (!fits)
    throw nlohmann::json::type_error::create(302, "is no whole number of the range that it is read in", nullptr);
  return value.get<T>();
}

}  // namespace espalier
