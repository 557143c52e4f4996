// A large array of ones lent to a plugin at every step, which most of them leave as it is. So it is filled once and not
// each time; afterwards one pass at the speed of memory says whether anything was written.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <vector>

namespace espalier::plugin {

class LentOnes {
 public:
  // Ones, with a fence behind them. Valid until the next call.
  float* lend(size_t size) {
    if (!clean_ || size != size_) {
      size_ = size;
      values_.assign(size + kFence, 1.0F);
      std::memset(values_.data() + size, kPattern, kFence * sizeof(float));
    }
    clean_ = false;
    return values_.data();
  }
  // Whether nothing was written past the end.
  bool intact() const {
    const auto* begin = reinterpret_cast<const uint8_t*>(values_.data() + size_);
    return std::all_of(begin, begin + kFence * sizeof(float), [](uint8_t byte) { return byte == kPattern; });
  }
  // What the plugin made of it; empty where that is all ones. REQUIRES: intact().
  std::vector<float> take() {
    const bool ones = all_ones();
    clean_ = ones;
    return ones ? std::vector<float>() : std::vector<float>(values_.begin(), values_.end() - kFence);
  }

 private:
  // Against a block of ones that stays in the nearest cache, so that only the array itself is read from memory.
  bool all_ones() const {
    static const std::vector<float> block(1024, 1.0F);
    for (size_t at = 0; at < size_; at += block.size())
      if (std::memcmp(values_.data() + at, block.data(), std::min(block.size(), size_ - at) * sizeof(float)) != 0)
        return false;
    return true;
  }

  static constexpr ptrdiff_t kFence = 16;
  static constexpr uint8_t kPattern = 0xA5;
  std::vector<float> values_;
  size_t size_ = 0;
  bool clean_ = false;
};

}  // namespace espalier::plugin
