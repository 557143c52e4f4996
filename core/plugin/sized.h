// Reading structs of the ABI that may be shorter or longer than ours: min(theirs, ours), a missing tail reads as zero.
#pragma once

#include <espalier/abi.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>

#include <fmt/format.h>

#include "core/base/error.h"

namespace espalier::plugin {

// Larger than any struct of the ABI will get; a bigger struct_size is garbage.
inline constexpr uint32_t kMaxStructSize = 1U << 16;

// Copies a plugin's struct; the copy's struct_size is theirs. `required` bytes must be there. Throws Error(plugin) with
// `who` as the place for a null pointer or a struct_size that cannot be.
template <class T>
T sized_copy(const void* theirs, size_t required, const char* what, const std::string& who) {
  static_assert(std::is_trivially_copyable_v<T>);
  if (theirs == nullptr) throw Error(ErrorCode::plugin, fmt::format("gave no {} (a null pointer)", what), who);
  uint32_t size = 0;
  std::memcpy(&size, theirs, sizeof(size));
  if (size < required || size > kMaxStructSize)
    throw Error(ErrorCode::plugin,
                fmt::format("the struct_size of its {} is {}, expected at least {}", what, size, required), who,
                "set struct_size = sizeof(the struct) in the plugin");
  T ours{};
  std::memcpy(&ours, theirs, std::min<size_t>(size, sizeof(T)));
  return ours;
}

inline esp_str to_abi(std::string_view text) {
  return {text.data(), text.size()};
}

}  // namespace espalier::plugin

// How many bytes of a struct there must be for `field` to be usable.
#define ESPALIER_SIZE_UP_TO(type, field) (offsetof(type, field) + sizeof(type::field))
