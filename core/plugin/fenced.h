// An array lent to a plugin, with a fence behind it that shows whether the plugin wrote past the end.
#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

namespace espalier::plugin {

template <class T>
class Fenced {
 public:
  explicit Fenced(const std::vector<T>& values) : values_(values), size_(values.size()) {
    values_.resize(size_ + kFence);
    std::memset(static_cast<void*>(values_.data() + size_), kPattern, kFence * sizeof(T));
  }

  T* data() { return values_.data(); }
  bool intact() const {
    const auto* begin = reinterpret_cast<const uint8_t*>(values_.data() + size_);
    return std::all_of(begin, begin + kFence * sizeof(T), [](uint8_t byte) { return byte == kPattern; });
  }
  // The array without its fence; leaves *this empty.
  std::vector<T> take() {
    values_.resize(size_);
    return std::move(values_);
  }

 private:
  static constexpr size_t kFence = 16;
  static constexpr uint8_t kPattern = 0xA5;
  std::vector<T> values_;
  size_t size_;
};

}  // namespace espalier::plugin
