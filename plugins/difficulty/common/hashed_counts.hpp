// Counts of hashed things in a table of fixed size: for a scorer that is fitted on a corpus of any size.
#pragma once

#include <espalier/cpp/state.hpp>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace espalier::sdk {

/// 2^bits counters, each the sum over all hashes with the same leading `bits` bits. Two things that share a counter are
/// taken for one; nothing else is lost. The table depends on what was added, not on the order, and merging is adding:
/// associative and commutative.
class HashedCounts {
 public:
  /// REQUIRES: 1 <= bits <= 40. Takes 8 * 2^bits bytes.
  explicit HashedCounts(unsigned bits) : bits_(bits), counts_(std::size_t{1} << bits) {}

  unsigned bits() const { return bits_; }
  std::size_t size() const { return counts_.size(); }
  std::uint64_t total() const { return total_; }
  std::size_t bucket(std::uint64_t hash) const { return static_cast<std::size_t>(hash >> (64 - bits_)); }
  std::uint64_t at(std::size_t bucket) const { return counts_[bucket]; }
  std::uint64_t of(std::uint64_t hash) const { return counts_[bucket(hash)]; }

  void add(std::uint64_t hash, std::uint64_t count = 1) {
    counts_[bucket(hash)] += count;
    total_ += count;
  }

  /// Throws Error where the tables differ in size.
  void merge(const HashedCounts& other) {
    if (other.bits_ != bits_) {
      throw failed_precondition("count tables of 2^", bits_, " and 2^", other.bits_, " counters cannot be merged");
    }
    for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
    total_ += other.total_;
  }

  /// Number of counters that are not 0.
  std::size_t num_used() const {
    return counts_.size() - static_cast<std::size_t>(std::count(counts_.begin(), counts_.end(), 0u));
  }

  /// The `n` largest counters, largest first; of equal ones the lower number first. Never one that is 0.
  std::vector<std::size_t> largest(std::size_t n) const {
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      if (counts_[i] > 0) order.push_back(i);
    }
    n = std::min(n, order.size());
    std::partial_sort(
        order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n), order.end(),
        [&](std::size_t a, std::size_t b) { return counts_[a] != counts_[b] ? counts_[a] > counts_[b] : a < b; });
    order.resize(n);
    return order;
  }

  /// Seven bits a byte, low ones first: a counter of 0 takes one byte.
  void save(Writer& out) const {
    out.u64(bits_);
    std::vector<unsigned char> bytes;
    for (std::uint64_t count : counts_) {
      for (; count >= 0x80; count >>= 7) bytes.push_back(static_cast<unsigned char>(count | 0x80));
      bytes.push_back(static_cast<unsigned char>(count));
    }
    out.u64(bytes.size());
    out.raw(bytes.data(), bytes.size());
  }

  /// Throws Error for damaged bytes or a table of another size; *this is then unchanged.
  void load(Reader& in) {
    const std::uint64_t bits = in.u64();
    if (bits != bits_) throw failed_precondition("the state has 2^", bits, " counters, the parameters say 2^", bits_);
    const std::uint64_t num_bytes = in.u64();
    if (num_bytes < counts_.size() || num_bytes > counts_.size() * kLongest) {
      throw data_loss("the saved counts have a size that cannot be");
    }
    std::vector<unsigned char> bytes(static_cast<std::size_t>(num_bytes));
    in.raw(bytes.data(), bytes.size());
    std::vector<std::uint64_t> counts;
    counts.reserve(counts_.size());
    std::uint64_t total = 0, value = 0;
    unsigned shift = 0;
    for (const unsigned char byte : bytes) {
      if (shift > 63) throw data_loss("the saved counts are damaged");
      value |= static_cast<std::uint64_t>(byte & 0x7F) << shift;
      shift += 7;
      if ((byte & 0x80) != 0) continue;
      counts.push_back(value);
      total += value;
      value = shift = 0;
    }
    if (counts.size() != counts_.size() || shift != 0) throw data_loss("the saved counts are damaged");
    counts_ = std::move(counts);
    total_ = total;
  }

 private:
  static constexpr std::size_t kLongest = 10;  // bytes of a 64-bit number

  unsigned bits_;
  std::vector<std::uint64_t> counts_;
  std::uint64_t total_ = 0;
};

}  // namespace espalier::sdk
