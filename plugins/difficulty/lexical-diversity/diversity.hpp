// Measures of lexical diversity of a sequence of words, each given by its hash.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace diversity {

/// Counts of hashes by open addressing; emptied in O(1), so that a factor of MTLD costs no more than its words.
class WordBag {
 public:
  WordBag() : slots_(64) {}

  /// Words that are in the bag at least once.
  std::size_t num_types() const { return num_types_; }

  void add(std::uint64_t word) {
    if (2 * (num_slots_used_ + 1) > slots_.size()) grow();
    Slot& slot = find(word);
    if (slot.round != round_) {
      slot = {word, round_, 0};
      num_slots_used_ += 1;
    }
    if (slot.count++ == 0) num_types_ += 1;
  }

  /// REQUIRES: `word` is in the bag.
  void remove(std::uint64_t word) {
    if (--find(word).count == 0) num_types_ -= 1;
  }

  void clear() {
    round_ += 1;
    num_types_ = num_slots_used_ = 0;
  }

 private:
  struct Slot {
    std::uint64_t word = 0, round = 0;
    std::size_t count = 0;
  };

  Slot& find(std::uint64_t word) {
    const std::size_t mask = slots_.size() - 1;
    std::size_t at = static_cast<std::size_t>(word) & mask;
    while (slots_[at].round == round_ && slots_[at].word != word) at = (at + 1) & mask;
    return slots_[at];
  }

  /// Doubles the table, unless most slots belong to words that were removed.
  void grow() {
    std::vector<Slot> old(4 * num_types_ > slots_.size() ? 2 * slots_.size() : slots_.size());
    old.swap(slots_);
    num_slots_used_ = 0;
    for (const Slot& slot : old) {
      if (slot.round != round_ || slot.count == 0) continue;
      find(slot.word) = slot;
      num_slots_used_ += 1;
    }
  }

  std::vector<Slot> slots_;
  std::uint64_t round_ = 1;  // slots of an earlier round are empty
  std::size_t num_types_ = 0, num_slots_used_ = 0;
};

/// Types over tokens. REQUIRES: words is not empty.
inline double ttr(const std::vector<std::uint64_t>& words) {
  WordBag bag;
  for (const std::uint64_t word : words) bag.add(word);
  return static_cast<double>(bag.num_types()) / static_cast<double>(words.size());
}

/// One pass of MTLD over a range: words per factor, where a factor ends as the type-token ratio reaches `threshold` and
/// the rest counts as the part of a factor that it got through. Without any repetition the range is one factor.
template <class Iterator>
double mtld_pass(Iterator begin, Iterator end, double threshold) {
  WordBag bag;
  double factors = 0, ratio = 1;
  std::size_t num_words = 0, in_factor = 0;
  for (; begin != end; ++begin) {
    bag.add(*begin);
    num_words += 1;
    in_factor += 1;
    ratio = static_cast<double>(bag.num_types()) / static_cast<double>(in_factor);
    if (ratio > threshold) continue;
    factors += 1;
    in_factor = 0;
    bag.clear();
  }
  if (in_factor > 0) factors += (1 - ratio) / (1 - threshold);
  return static_cast<double>(num_words) / (factors > 0 ? factors : 1);
}

/// Measure of textual lexical diversity: the mean of the forward and the backward pass (McCarthy and Jarvis 2010).
inline double mtld(const std::vector<std::uint64_t>& words, double threshold) {
  return (mtld_pass(words.begin(), words.end(), threshold) + mtld_pass(words.rbegin(), words.rend(), threshold)) / 2;
}

/// Moving-average type-token ratio: the mean over all windows of `window` words (Covington and McFall 2010).
/// REQUIRES: 1 <= window <= words.size().
inline double mattr(const std::vector<std::uint64_t>& words, std::size_t window) {
  WordBag bag;
  double types = 0;
  for (std::size_t i = 0; i < words.size(); ++i) {
    bag.add(words[i]);
    if (i >= window) bag.remove(words[i - window]);
    if (i + 1 >= window) types += static_cast<double>(bag.num_types());
  }
  return types / static_cast<double>(words.size() - window + 1) / static_cast<double>(window);
}

}  // namespace diversity
