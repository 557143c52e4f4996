// A borrowed, contiguous range: what std::span is in C++20.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <type_traits>
#include <vector>

namespace espalier::sdk {

/// Pointer and length. Owns nothing; valid as long as the memory behind it.
template <class T>
class Span {
 public:
  using value_type = std::remove_const_t<T>;

  Span() = default;
  Span(T* data, std::size_t size) : data_(data), size_(size) {}
  Span(std::vector<value_type>& items) : data_(items.data()), size_(items.size()) {}
  template <class U = T, class = std::enable_if_t<std::is_const_v<U>>>
  Span(const std::vector<value_type>& items) : data_(items.data()), size_(items.size()) {}
  /// Only for an argument written in place: f({1, 2}).
  template <class U = T, class = std::enable_if_t<std::is_const_v<U>>>
  Span(const std::initializer_list<value_type>& items) : size_(items.size()) {
    data_ = items.begin();
  }

  T* data() const { return data_; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() const { return data_; }
  T* end() const { return data_ + size_; }
  T& operator[](std::size_t i) const { return data_[i]; }

 private:
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace espalier::sdk
