// Random choices of one document, in order: a counter over the draws that belong to (seed, purpose, document number).
#pragma once

#include <array>
#include <cassert>
#include <cstdint>
#include <string_view>

#include "core/base/rng.h"

namespace espalier::generate {

class Draws {
 public:
  // The draws depend on the three arguments alone; two documents share none.
  Draws(uint64_t seed, std::string_view purpose, uint64_t document) : rng_(seed, purpose), document_(document) {}

  // Uniform in [0, bound), 0 < bound <= 2^20; the bias of one value is below bound / 2^32 of its probability.
  uint32_t below(uint32_t bound) {
    assert(bound > 0 && bound <= 1u << 20);
    if (used_ == words_.size()) {
      words_ = rng_.words(counter_++, document_);
      used_ = 0;
    }
    return static_cast<uint32_t>((uint64_t{words_[used_++]} * bound) >> 32);
  }
  // Uniform in [lowest, highest].
  int64_t between(int64_t lowest, int64_t highest) {
    return lowest + below(static_cast<uint32_t>(highest - lowest + 1));
  }

 private:
  Rng rng_;
  uint64_t document_, counter_ = 0;
  std::array<uint32_t, 4> words_{};
  size_t used_ = 4;
};

}  // namespace espalier::generate
