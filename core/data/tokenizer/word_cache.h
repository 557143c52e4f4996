// Remembers the token ids of words that were encoded before. Its memory is bounded: when it is full it starts again.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

// For one thread.
class WordCache {
 public:
  static constexpr size_t kLongestWord = 64;     // bytes; longer words are not kept
  static constexpr size_t kMostWords = 180'000;  // about 14 MB with English words

  WordCache();
  // Appends the ids of `word` and returns true when they are known.
  bool find(std::string_view word, std::vector<int32_t>& ids) const;
  // Keeps the ids of a word that `find` does not know.
  void remember(std::string_view word, std::span<const int32_t> ids);
  size_t words() const { return words_; }
  static uint64_t hash(std::string_view word);

 private:
  // One half of a cache line: short words and single ids lie in the slot itself, others in the pools.
  struct Slot {
    uint64_t hash = 0;
    uint32_t ids = 0;                // the id, when there is one; else its place in ids_
    uint8_t num_ids = 0, bytes = 0;  // bytes = 0: free
    char text[18] = {};              // a longer word: its place in text_ in the first four
  };
  static constexpr size_t kShort = sizeof(Slot::text);

  bool holds(const Slot& slot, uint64_t hashed, std::string_view word) const;
  Slot& free_slot(uint64_t hashed);
  void grow();

  std::vector<Slot> slots_;  // open addressing, a power of two
  std::string text_;
  std::vector<int32_t> ids_;
  size_t words_ = 0;
};

}  // namespace espalier
