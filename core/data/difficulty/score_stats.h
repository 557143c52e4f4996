// What difficulty scores look like: quantiles, histogram, rank correlation, documents to look at.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <vector>

#include "core/data/difficulty/scoring.h"

namespace espalier {

constexpr double kNoScore = std::numeric_limits<double>::quiet_NaN();

struct ScoreSummary {
  uint64_t documents = 0, unscored = 0;
  double mean = kNoScore;           // over documents; it and the deciles are NaN where no document has a score
  std::vector<double> deciles;      // 11: the lowest, each tenth, the highest
  std::vector<uint64_t> histogram;  // documents a bin
};

// The ends of a histogram: the lowest and highest score but for the outer 0.5 % of the documents.
struct HistogramRange {
  double low = 0, high = 0;
  // The bin of a score; scores outside count in the outer bins.
  size_t bin(double score, size_t bins) const;
};
HistogramRange histogram_range(const std::vector<ScoredShard>& shards);

ScoreSummary summarize_scores(std::span<const ScoredShard> shards, const HistogramRange& range, size_t bins);

// Spearman's rank correlation of two scores of the same documents, equal values ranked in the middle, over the
// documents that have both; NaN where fewer than two do, or all values of one are equal.
double spearman(const std::vector<ScoredShard>& a, const std::vector<ScoredShard>& b);

struct ScoredDocument {
  size_t shard = 0, document = 0;
  float score = 0;
};
// The documents at each tenth of the scores, from the easiest to the hardest; fewer where there are few.
std::vector<ScoredDocument> documents_at_deciles(const std::vector<ScoredShard>& shards);

}  // namespace espalier
