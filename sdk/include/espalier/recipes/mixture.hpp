// Base class of data mixtures: which weight belongs to which tier or source, in which order tiers come, and replay.
#pragma once

#include <espalier/cpp/schedule.hpp>

#include <algorithm>
#include <numeric>
#include <string>
#include <vector>

namespace espalier::sdk {

/// Place of each tier in the curriculum, for the orders "easy-first", "hard-first" and "shuffled". The shuffled order
/// is random but fixed by the run's seed; it is neither the first one nor, from three tiers on, the second.
inline std::vector<std::size_t> tier_ranks(Call& call, const std::string& order, std::size_t num_tiers) {
  std::vector<std::size_t> straight(num_tiers);
  std::iota(straight.begin(), straight.end(), std::size_t{0});
  const std::vector<std::size_t> reversed(straight.rbegin(), straight.rend());
  if (order == "hard-first") return reversed;
  if (order != "shuffled" || num_tiers < 2) return straight;
  std::vector<std::size_t> rank = straight;
  const Rng rng = call.rng();
  for (std::uint64_t attempt = 0; rank == straight || (num_tiers > 2 && rank == reversed); ++attempt) {
    rank = straight;
    const std::vector<double> draws = rng.uniform("shuffled order", attempt, num_tiers);
    for (std::size_t i = num_tiers - 1; i > 0; --i) {  // Fisher and Yates
      std::swap(rank[i], rank[static_cast<std::size_t>(draws[i] * static_cast<double>(i + 1))]);
    }
  }
  return rank;
}

/// Declares the parameter that chooses the order.
template <class Derived, class Owner>
void describe_order(Description<Derived>& about, std::string Owner::*order) {
  about.param("order", order, "easy-first, hard-first (anti-curriculum), or shuffled: a fixed random order (control)")
      .choices({"easy-first", "hard-first", "shuffled"});
}

/// A schedule of the weights of the difficulty tiers, or of the sources if the user lists them. A derived class gives
/// one weight a column and calls describe_columns() in its describe(). Columns are tiers in the order of the curriculum
/// (parameter `order`), or sources in the order of `sources`. The weights that the host gets sum to 1.
class MixtureSchedule : public Schedule {
 public:
  void bind(Call& call, const Progress& start, const std::vector<std::string>& keys) override {
    if (sources_.empty()) {
      bind_tiers(call, keys);
    } else {
      bind_sources(keys);
    }
    check_replay();
    begin(start, columns_.size());
  }

  void value(Call&, const Progress& at, Span<double> out) override {
    const std::vector<double> shares = with_replay(normalised(weights(at)));
    for (std::size_t i = 0; i < columns_.size(); ++i) out[i] = shares[columns_[i]];
  }

 protected:
  /// Adds the parameters that all of these schedules share.
  template <class Derived>
  static void describe_columns(Description<Derived>& about) {
    sdk::describe_order(about, &MixtureSchedule::order_);
    about.param("sources", &MixtureSchedule::sources_, "names of all sources, one a weight; empty: weights of tiers");
    about
        .param("replay", &MixtureSchedule::replay_,
               "part of the weight that always goes to earlier tiers, or to replay_source")
        .min(0)
        .max(kLargestReplay)
        .tunable();
    about.param("replay_source", &MixtureSchedule::replay_source_, "with sources: which of them replay is for");
  }
  /// The end of bind(): check the parameters against the number of columns.
  virtual void begin(const Progress& start, std::size_t num_columns) = 0;
  /// A weight a column, relative, at least one above 0. Pure in progress (and in state changed by observe()).
  virtual std::vector<double> weights(const Progress& at) const = 0;

  /// The column of each bound key.
  const std::vector<std::size_t>& columns() const { return columns_; }
  /// "tiers" or "sources", for messages.
  const char* what() const { return sources_.empty() ? "tiers" : "sources"; }

  static std::vector<double> normalised(std::vector<double> weights) {
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (double& weight : weights) weight /= sum;
    return weights;
  }

  /// Row `row` of a list that holds one weight a column for each of several rows, as shares.
  static std::vector<double> row_of(const std::vector<double>& rows, std::size_t row, std::size_t num_columns) {
    const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(row * num_columns);
    return normalised({begin, begin + static_cast<std::ptrdiff_t>(num_columns)});
  }

  /// Throws Error where one of the rows has no weight above 0; `name` is the parameter.
  static void check_rows(const char* name, const std::vector<double>& rows, std::size_t num_columns) {
    for (std::size_t row = 0; row * num_columns < rows.size(); ++row) {
      const auto begin = rows.begin() + static_cast<std::ptrdiff_t>(row * num_columns);
      if (*std::max_element(begin, begin + static_cast<std::ptrdiff_t>(num_columns)) > 0) continue;
      throw invalid(name, " leaves row ", row + 1, " nothing to train on");
    }
  }

 private:
  static constexpr double kLargestReplay = 0.999;  // below 1, so that the schedule itself keeps a share

  void bind_tiers(Call& call, const std::vector<std::string>& keys) {
    static const std::string kPrefix = "data.tier.";
    columns_.clear();
    for (const std::string& key : keys) {
      const std::string number = key.substr(std::min(key.size(), kPrefix.size()));
      if (key.compare(0, kPrefix.size(), kPrefix) != 0 || number.empty() || number.size() > 6 ||
          number.find_first_not_of("0123456789") != std::string::npos) {
        throw unimplemented("without a list of sources this schedule fills 'data.tier.<i>' only, not '", key, "'");
      }
      columns_.push_back(static_cast<std::size_t>(std::stoul(number)));
    }
    check_each_once(keys);
    const std::vector<std::size_t> rank = tier_ranks(call, order_, columns_.size());
    for (std::size_t& column : columns_) column = rank[column];
  }

  void bind_sources(const std::vector<std::string>& keys) {
    static const std::string kPrefix = "data.source.";
    if (order_ != "easy-first") throw invalid("order is of tiers: drop it, or the list of sources");
    columns_.clear();
    for (const std::string& key : keys) {
      if (key.compare(0, kPrefix.size(), kPrefix) != 0) {
        throw unimplemented("with a list of sources this schedule fills 'data.source.<name>' only, not '", key, "'");
      }
      const std::string name = key.substr(kPrefix.size());
      const auto found = std::find(sources_.begin(), sources_.end(), name);
      if (found == sources_.end()) throw invalid("sources does not list '", name, "', a source of the run");
      columns_.push_back(static_cast<std::size_t>(found - sources_.begin()));
    }
    for (const std::string& name : sources_) {
      if (std::find(keys.begin(), keys.end(), kPrefix + name) == keys.end()) {
        throw invalid("sources lists '", name, "', which the run does not have");
      }
    }
    check_each_once(keys);
  }

  void check_each_once(const std::vector<std::string>& keys) const {
    std::vector<std::size_t> sorted = columns_;
    std::sort(sorted.begin(), sorted.end());
    for (std::size_t i = 0; i < sorted.size(); ++i) {
      if (sorted[i] != i || (!sources_.empty() && sources_.size() != keys.size())) {
        throw invalid("this schedule needs each of the ", what(), " once");
      }
    }
  }

  void check_replay() const {
    if (sources_.empty()) {
      if (!replay_source_.empty()) throw invalid("replay_source does nothing without a list of sources");
      return;
    }
    if (replay_ > 0 && replay_source_.empty()) throw invalid("replay with sources needs replay_source");
    if (replay_source_.empty()) return;
    if (replay_ == 0) throw invalid("replay_source does nothing without replay");
    if (std::find(sources_.begin(), sources_.end(), replay_source_) == sources_.end()) {
      throw invalid("replay_source '", replay_source_, "' is none of the sources");
    }
  }

  /// shares * (1 - replay), and replay for the named source, or evenly for the tiers before the last one with a share.
  std::vector<double> with_replay(std::vector<double> shares) const {
    if (replay_ == 0) return shares;
    std::size_t first = 0, end = 0;  // the columns that replay is for
    if (sources_.empty()) {
      for (std::size_t i = 0; i < shares.size(); ++i) end = shares[i] > 0 ? i : end;
    } else {
      const auto found = std::find(sources_.begin(), sources_.end(), replay_source_);
      first = static_cast<std::size_t>(found - sources_.begin());
      end = first + 1;
    }
    if (first == end) return shares;
    for (double& share : shares) share *= 1 - replay_;
    for (std::size_t i = first; i < end; ++i) shares[i] += replay_ / static_cast<double>(end - first);
    return shares;
  }

  std::string order_ = "easy-first";
  std::vector<std::string> sources_;
  double replay_ = 0;
  std::string replay_source_;
  std::vector<std::size_t> columns_;
};

}  // namespace espalier::sdk
