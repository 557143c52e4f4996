// An n-gram model over integer symbols: interpolated modified Kneser-Ney, or stupid backoff.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "key_map.hpp"

namespace ngram {

enum class Smoothing { kKneserNey, kStupidBackoff };

/// Add sequences, call finish(), ask. n-grams are kept as packed symbols, so no two of them are mixed up.
class Model {
 public:
  /// REQUIRES: 1 <= order and order * symbol_bits <= 63; symbols lie below 2^symbol_bits - 1, which stands for the
  /// place before the first symbol. `backoff` is for stupid backoff.
  Model(unsigned order, unsigned symbol_bits, Smoothing smoothing, double backoff)
      : order_(order),
        symbol_bits_(symbol_bits),
        smoothing_(smoothing),
        log_backoff_(std::log2(backoff)),
        counts_(order),
        contexts_(order) {}

  unsigned order() const { return order_; }

  /// The history before the first symbol of a sequence.
  std::uint64_t start() const { return mask(order_); }
  /// The history after one more symbol.
  std::uint64_t next(std::uint64_t history, std::uint64_t symbol) const {
    return (history << symbol_bits_ | symbol) & mask(order_);
  }

  /// Counts the n-gram that ends at each symbol. Call it with start() first: history = add(history, symbol).
  std::uint64_t add(std::uint64_t history, std::uint64_t symbol) {
    const std::uint64_t key = next(history, symbol);
    counts_[order_ - 1].at(key).count += 1;
    return key;
  }

  /// Turns the counts into probabilities over `num_symbols` symbols, those seen among them.
  void finish(std::uint64_t num_symbols) {
    log_uniform_ = -std::log2(static_cast<double>(num_symbols));
    for (unsigned k = order_ - 1; k > 0; --k) {
      counts_[k].for_each([&](std::uint64_t key, Entry& entry) {
        // Kneser-Ney counts in how many contexts an n-gram occurs, stupid backoff how often.
        counts_[k - 1].at(key & mask(k)).count += smoothing_ == Smoothing::kKneserNey ? 1 : entry.count;
      });
    }
    for (unsigned k = 1; k <= order_; ++k) smoothing_ == Smoothing::kKneserNey ? smooth(k) : divide(k);
  }

  /// Distinct symbols seen. After finish().
  std::size_t num_seen() const { return counts_[0].size(); }

  /// log2 of the probability of `symbol` after `history`. For stupid backoff a score, not a probability. [any]
  double log2_probability(std::uint64_t history, std::uint64_t symbol) const {
    const std::uint64_t full = next(history, symbol);
    double weight = 0;
    for (unsigned k = order_; k > 0; --k) {
      const std::uint64_t key = full & mask(k);
      if (const Entry* entry = counts_[k - 1].find(key)) return weight + static_cast<double>(entry->log2);
      if (smoothing_ == Smoothing::kStupidBackoff) {
        weight += log_backoff_;
      } else if (const float* log_rest = contexts_[k - 1].find(key >> symbol_bits_)) {
        weight += static_cast<double>(*log_rest);
      }
    }
    return weight + log_uniform_;
  }

 private:
  struct Entry {
    std::uint32_t count = 0;
    float log2 = 0;
  };
  /// What follows a context: the sum of counts, and how many symbols have count 1, 2, and more.
  struct Followers {
    double total = 0;
    std::array<double, 3> with_count{};
  };

  std::uint64_t mask(unsigned length) const { return (std::uint64_t{1} << (length * symbol_bits_)) - 1; }

  KeyMap<Followers> followers(unsigned k) {
    KeyMap<Followers> out;
    counts_[k - 1].for_each([&](std::uint64_t key, Entry& entry) {
      Followers& context = out.at(key >> symbol_bits_);
      context.total += entry.count;
      context.with_count[std::min(entry.count, 3u) - 1] += 1;
    });
    return out;
  }

  /// What is taken off counts of 1, 2, and more (Chen and Goodman 1998, equation 26), or 0.5, 1, 1.5 where the text has
  /// too few n-grams to tell.
  std::array<double, 3> discounts(unsigned k) {
    std::array<double, 5> n{};  // n-grams by count
    counts_[k - 1].for_each([&](std::uint64_t, Entry& entry) {
      if (entry.count <= 4) n[entry.count] += 1;
    });
    const std::array<double, 3> fallback = {0.5, 1, 1.5};
    if (n[1] == 0 || n[2] == 0 || n[3] == 0) return fallback;
    const double y = n[1] / (n[1] + 2 * n[2]);
    const std::array<double, 3> d = {1 - 2 * y * n[2] / n[1], 2 - 3 * y * n[3] / n[2], 3 - 4 * y * n[4] / n[3]};
    for (std::size_t i = 0; i < 3; ++i) {
      if (!(d[i] > 0 && d[i] <= static_cast<double>(i + 1))) return fallback;
    }
    return d;
  }

  /// p(w | h) = (c(h w) - D) / c(h) + rest(h) p(w | h'), where rest(h) is what the discounts left over.
  void smooth(unsigned k) {
    const std::array<double, 3> discount = discounts(k);
    KeyMap<Followers> all = followers(k);
    const auto rest = [&](const Followers& h) {
      double left = 0;
      for (std::size_t i = 0; i < 3; ++i) left += discount[i] * h.with_count[i];
      return left / h.total;
    };
    counts_[k - 1].for_each([&](std::uint64_t key, Entry& entry) {
      const Followers& h = *all.find(key >> symbol_bits_);
      const double lower = k == 1 ? log_uniform_ : static_cast<double>(counts_[k - 2].find(key & mask(k - 1))->log2);
      const double kept = static_cast<double>(entry.count) - discount[std::min(entry.count, 3u) - 1];
      entry.log2 = static_cast<float>(std::log2(kept / h.total + rest(h) * std::exp2(lower)));
    });
    all.for_each(
        [&](std::uint64_t key, Followers& h) { contexts_[k - 1].at(key) = static_cast<float>(std::log2(rest(h))); });
  }

  /// c(h w) / c(h) (Brants et al. 2007, equation 5).
  void divide(unsigned k) {
    KeyMap<Followers> all = followers(k);
    counts_[k - 1].for_each([&](std::uint64_t key, Entry& entry) {
      const double total = all.find(key >> symbol_bits_)->total;
      entry.log2 = static_cast<float>(std::log2(static_cast<double>(entry.count) / total));
    });
  }

  unsigned order_, symbol_bits_;
  Smoothing smoothing_;
  double log_backoff_, log_uniform_ = 0;
  std::vector<KeyMap<Entry>> counts_;    // by length - 1
  std::vector<KeyMap<float>> contexts_;  // by length of the n-gram - 1: log2 of what is left to the lower order
};

}  // namespace ngram
