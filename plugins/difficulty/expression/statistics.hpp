// What rank() and z() know about the corpus: sums that can be added in any order and saved.
#pragma once

#include <espalier/cpp/state.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <map>
#include <vector>

namespace expression {

namespace sdk = espalier::sdk;

/// Mean and standard deviation (of the population), by the parallel form of Welford's sums: Chan, Golub and LeVeque,
/// Updating Formulae and a Pairwise Algorithm for Computing Sample Variances, 1979.
class Moments {
 public:
  void add(double value) { merge(1, value, 0); }
  void merge(const Moments& other) { merge(other.count_, other.mean_, other.squares_); }

  /// (value - mean) / deviation; 0 where all values are equal.
  double standard(double value) const {
    if (count_ == 0) return std::numeric_limits<double>::quiet_NaN();
    const double deviation = std::sqrt(squares_ / static_cast<double>(count_));
    return deviation == 0 ? 0 * value : (value - mean_) / deviation;
  }

  void save(sdk::Writer& out) const {
    out.u64(count_);
    out.f64(mean_);
    out.f64(squares_);
  }
  void load(sdk::Reader& in) {
    count_ = in.u64();
    mean_ = in.f64();
    squares_ = in.f64();
  }

 private:
  void merge(std::uint64_t count, double mean, double squares) {
    if (count == 0) return;
    const auto ours = static_cast<double>(count_), theirs = static_cast<double>(count), all = ours + theirs;
    const double gap = mean - mean_;
    squares_ += squares + gap * gap * ours * theirs / all;
    mean_ += gap * theirs / all;
    count_ += count;
  }

  std::uint64_t count_ = 0;
  double mean_ = 0, squares_ = 0;
};

/// The distribution of values, to 16 significant bits: values that agree in them count as equal. So it needs memory for
/// the different values only, and is exact in its counts.
class Distribution {
 public:
  void add(double value) {
    ++counts_[bucket(value)];
    ++total_;
  }
  void merge(const Distribution& other) {
    for (const auto& [key, count] : other.counts_) counts_[key] += count;
    total_ += other.total_;
  }

  /// Prepares for rank().
  void finish() {
    keys_.clear();
    below_.clear();
    std::uint64_t below = 0;
    for (const auto& [key, count] : counts_) {
      keys_.push_back(key);
      below_.push_back(below);
      below += count;
    }
    below_.push_back(below);
  }

  /// Share of the corpus with a lower value, those of equal value counted half: 0 to 1. After finish().
  double rank(double value) const {
    if (std::isnan(value) || total_ == 0) return std::numeric_limits<double>::quiet_NaN();
    const std::uint32_t key = bucket(value);
    const auto at = static_cast<std::size_t>(std::lower_bound(keys_.begin(), keys_.end(), key) - keys_.begin());
    const bool known = at < keys_.size() && keys_[at] == key;
    const double equal = known ? static_cast<double>(below_[at + 1] - below_[at]) : 0;
    return (static_cast<double>(below_[at]) + equal / 2) / static_cast<double>(total_);
  }

  void save(sdk::Writer& out) const {
    out.u64(counts_.size());
    for (const auto& [key, count] : counts_) {
      out.u64(key);
      out.u64(count);
    }
  }
  void load(sdk::Reader& in) {
    counts_.clear();
    total_ = 0;
    for (std::uint64_t left = in.u64(); left > 0; --left) {
      const auto key = static_cast<std::uint32_t>(in.u64());
      const std::uint64_t count = in.u64();
      counts_[key] += count;
      total_ += count;
    }
  }

 private:
  // Sign, exponent and the first 15 bits after the point, as a number in the order of the values.
  static std::uint32_t bucket(double value) {
    const float narrow = value == 0 ? 0.0f : static_cast<float>(value);  // -0 equals 0
    std::uint32_t bits = 0;
    std::memcpy(&bits, &narrow, sizeof(bits));
    const bool negative = (bits & 0x80000000u) != 0;
    return (negative ? ~bits : bits | 0x80000000u) >> 8;
  }

  std::map<std::uint32_t, std::uint64_t> counts_;
  std::uint64_t total_ = 0;
  std::vector<std::uint32_t> keys_;
  std::vector<std::uint64_t> below_;
};

}  // namespace expression
