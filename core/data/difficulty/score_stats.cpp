#include "core/data/difficulty/score_stats.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace espalier {
namespace {

constexpr size_t kDeciles = 10;

std::vector<float> sorted_scores(std::span<const ScoredShard> shards) {
  std::vector<float> all;
  for (const auto& shard : shards)
    for (const float score : shard.scores)
      if (!std::isnan(score)) all.push_back(score);
  std::sort(all.begin(), all.end());
  return all;
}

// The value below which a share of the sorted values lies: the nearest rank.
float at_share(const std::vector<float>& sorted, double share) {
  return sorted[static_cast<size_t>(std::lround(share * static_cast<double>(sorted.size() - 1)))];
}

// Ranks from 0, in the middle of equal values.
std::vector<double> ranks_of(const std::vector<float>& values) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (size_t first = 0; first < order.size();) {
    size_t last = first;
    while (last < order.size() && values[order[last]] == values[order[first]]) ++last;
    for (size_t i = first; i < last; ++i) ranks[order[i]] = static_cast<double>(first + last - 1) / 2;
    first = last;
  }
  return ranks;
}

}  // namespace

size_t HistogramRange::bin(double score, size_t bins) const {
  if (!(high > low)) return 0;
  const double at = (score - low) / (high - low) * static_cast<double>(bins);
  return static_cast<size_t>(std::clamp(at, 0.0, static_cast<double>(bins) - 1));
}

HistogramRange histogram_range(const std::vector<ScoredShard>& shards) {
  const auto sorted = sorted_scores(shards);
  if (sorted.empty()) return {};
  constexpr double kOuter = 0.005;
  return {at_share(sorted, kOuter), at_share(sorted, 1 - kOuter)};
}

ScoreSummary summarize_scores(std::span<const ScoredShard> shards, const HistogramRange& range, size_t bins) {
  ScoreSummary summary;
  summary.histogram.assign(bins, 0);
  const auto sorted = sorted_scores(shards);
  for (const auto& shard : shards) summary.documents += shard.shard->num_documents();
  summary.unscored = summary.documents - sorted.size();
  summary.deciles.assign(kDeciles + 1, kNoScore);
  if (sorted.empty()) return summary;
  summary.mean = 0;
  for (const float score : sorted) {
    ++summary.histogram[range.bin(score, bins)];
    summary.mean += static_cast<double>(score) / static_cast<double>(sorted.size());
  }
  for (size_t i = 0; i <= kDeciles; ++i) summary.deciles[i] = at_share(sorted, static_cast<double>(i) / kDeciles);
  return summary;
}

double spearman(const std::vector<ScoredShard>& a, const std::vector<ScoredShard>& b) {
  std::vector<float> left, right;
  for (size_t s = 0; s < a.size(); ++s)
    for (size_t d = 0; d < a[s].scores.size(); ++d)
      if (!std::isnan(a[s].scores[d]) && !std::isnan(b[s].scores[d])) {
        left.push_back(a[s].scores[d]);
        right.push_back(b[s].scores[d]);
      }
  if (left.size() < 2) return std::numeric_limits<double>::quiet_NaN();
  const auto x = ranks_of(left), y = ranks_of(right);
  const double mean = (static_cast<double>(left.size()) - 1) / 2;
  double xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
  }
  return xy / std::sqrt(xx * yy);
}

std::vector<ScoredDocument> documents_at_deciles(const std::vector<ScoredShard>& shards) {
  std::vector<ScoredDocument> all;
  for (size_t s = 0; s < shards.size(); ++s)
    for (size_t d = 0; d < shards[s].scores.size(); ++d)
      if (!std::isnan(shards[s].scores[d])) all.push_back({s, d, shards[s].scores[d]});
  std::stable_sort(all.begin(), all.end(),
                   [](const ScoredDocument& a, const ScoredDocument& b) { return a.score < b.score; });
  std::vector<ScoredDocument> out;
  const size_t wanted = std::min(all.size(), kDeciles + 1);
  for (size_t i = 0; i < wanted; ++i) out.push_back(all[wanted == 1 ? 0 : i * (all.size() - 1) / (wanted - 1)]);
  return out;
}

}  // namespace espalier
