// Documents known by their content: 128-bit hashes and a set of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace espalier {

// The first 128 bits of the SHA-256 of a text.
struct ContentHash {
  uint64_t high = 0, low = 0;
  friend bool operator==(const ContentHash&, const ContentHash&) = default;
};
ContentHash content_hash(std::string_view text);

// A set in 16 bytes a place, at most two thirds full. Const calls may run on any thread.
class ContentHashSet {
 public:
  // False when it was there already.
  bool insert(const ContentHash& hash);
  bool contains(const ContentHash& hash) const;
  size_t size() const { return size_; }

 private:
  size_t place_of(const ContentHash& hash) const;

  std::vector<ContentHash> places_;  // a power of two of them; all zero: free
  size_t size_ = 0;
};

}  // namespace espalier
