// Tiers of difficulty: the training documents of all sources, split from easy (tier 0) to hard.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/data/difficulty/scoring.h"

namespace espalier {

struct Tier {
  uint64_t documents = 0, tokens = 0;
  // Of its scored documents; the mean is weighted by tokens. 0 where the tier has none.
  double mean_score = 0, lowest_score = 0, highest_score = 0;
  uint64_t scored = 0;  // documents with a score
};

struct TierSplit {
  std::vector<Tier> tiers;
  std::vector<std::vector<uint8_t>> tier_of;  // [source][document]
};

// Parts of equal token mass in the order of the scores. A document belongs to the tier in which the middle of its
// tokens falls. Equal scores are ordered by a hash of source name and document number, so the split is the same in
// every run and does not depend on the order of the sources. Documents with a NaN score take no part in the cut and go
// to the middle tier, (num_tiers - 1) / 2. Shards without scores count as one tier when num_tiers is 1. num_tiers
// in 1..255.
TierSplit split_into_tiers(const std::vector<ScoredShard>& shards, int64_t num_tiers);

// The same, cut at these shares of the token mass: rising numbers between 0 and 1, one fewer than tiers.
TierSplit split_at_quantiles(const std::vector<ScoredShard>& shards, std::span<const double> quantiles);

// Cut at these scores, which rise; a document whose score equals one lies above it. NaN goes to the middle tier.
TierSplit split_at_scores(const std::vector<ScoredShard>& shards, std::span<const double> thresholds);

// The tiers as given, [source][document], each below num_tiers; scores, where there are any, only count in the table.
TierSplit split_as_given(const std::vector<ScoredShard>& shards, std::vector<std::vector<uint8_t>> tier_of,
                         int64_t num_tiers);

}  // namespace espalier
