// Arithmetic on counts that a user wrote and that may be any integer.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>

namespace espalier {

// Beyond 2^53 a double no longer counts single things; durations, metrics and JSON hold counts as doubles.
constexpr int64_t kMaxCount = int64_t{1} << 53;
// What is taken for one size of a model or a batch; so two of them can be multiplied.
constexpr int64_t kMaxSize = (int64_t{1} << 31) - 1;

// The product of counts, none negative; nothing when it is above kMaxCount.
inline std::optional<int64_t> product_of_counts(std::initializer_list<int64_t> factors) {
  int64_t product = 1;
  for (const int64_t factor : factors)
    if (__builtin_mul_overflow(product, factor, &product) || product > kMaxCount) return std::nullopt;
  return product;
}

}  // namespace espalier
