// In how many documents a hash occurs: none, one, or more; in a table of fixed size.
#pragma once

#include <espalier/cpp/state.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "../common/hash.hpp"

/// A counting Bloom filter with two counters a hash, each of 2 bits and saturating at 2. A counter holds the number of
/// documents that touch it, so the table depends neither on the order of documents nor on how they were split, as long
/// as each document is counted once. Merging adds: associative and commutative.
class DocumentCounts {
 public:
  /// REQUIRES: 5 <= bits <= 40. Takes 2^bits / 4 bytes.
  explicit DocumentCounts(unsigned bits) : bits_(bits), words_(std::size_t{1} << (bits - 5)) {}

  unsigned bits() const { return bits_; }

  std::array<std::size_t, 2> counters(std::uint64_t hash) const {
    const std::uint64_t mask = (std::uint64_t{1} << bits_) - 1;
    return {static_cast<std::size_t>(hash & mask), static_cast<std::size_t>(espalier::sdk::mix64(~hash) & mask)};
  }

  void increment(std::size_t counter) {
    if (at(counter) < 2) words_[counter >> 5] += std::uint64_t{1} << (2 * (counter & 31));
  }

  /// True for a hash that two documents have; now and then also for one that they do not have.
  bool in_two_documents(std::uint64_t hash) const {
    const auto [a, b] = counters(hash);
    return at(a) == 2 && at(b) == 2;
  }

  /// Throws Error where the tables differ in size.
  void merge(const DocumentCounts& other) {
    if (other.bits_ != bits_) {
      throw espalier::sdk::failed_precondition("tables of 2^", bits_, " and 2^", other.bits_,
                                               " counters cannot be merged");
    }
    for (std::size_t i = 0; i < words_.size(); ++i) words_[i] = saturating_sum(words_[i], other.words_[i]);
  }

  void save(espalier::sdk::Writer& out) const {
    out.u64(bits_);
    for (const std::uint64_t word : words_) out.u64(word);
  }

  /// Throws Error for damaged bytes or a table of another size; *this is then unchanged.
  void load(espalier::sdk::Reader& in) {
    const std::uint64_t bits = in.u64();
    if (bits != bits_) {
      throw espalier::sdk::failed_precondition("the state has 2^", bits, " counters, the parameters say 2^", bits_);
    }
    std::vector<std::uint64_t> words(words_.size());
    for (std::uint64_t& word : words) {
      word = in.u64();
      if ((word & (word >> 1) & kLow) != 0) throw espalier::sdk::data_loss("the saved counts are damaged");
    }
    words_ = std::move(words);
  }

 private:
  static constexpr std::uint64_t kLow = 0x5555555555555555u;  // the low bit of each counter

  std::uint64_t at(std::size_t counter) const { return (words_[counter >> 5] >> (2 * (counter & 31))) & 3; }

  /// min(2, a + b) for 32 counters at once: 2 where either is 2 or both are 1, else 1 where either is 1.
  static std::uint64_t saturating_sum(std::uint64_t a, std::uint64_t b) {
    const std::uint64_t two = ((a | b) >> 1 | (a & b)) & kLow;
    const std::uint64_t one = (a | b) & kLow & ~two;
    return two << 1 | one;
  }

  unsigned bits_;
  std::vector<std::uint64_t> words_;
};
