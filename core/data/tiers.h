// Tiers of difficulty: the training documents of all sources, in the order of their scores, cut into parts of equal
// token mass. Tier 0 is the easiest.
#pragma once

#include <cstdint>
#include <vector>

#include "core/data/scores.h"

namespace espalier {

struct Tier {
  uint64_t documents = 0, tokens = 0;
  // Of its scored documents; the mean is weighted by tokens. 0 where the tier has none.
  double mean_score = 0, lowest_score = 0, highest_score = 0;
};

struct TierSplit {
  std::vector<Tier> tiers;
  std::vector<std::vector<uint8_t>> tier_of;  // [source][document]
};

// A document belongs to the tier in which the middle of its tokens falls. Equal scores are ordered by a hash of source
// name and document number, so the split is the same in every run and does not depend on the order of the sources.
// Documents with a NaN score take no part in the cut and go to the middle tier, (num_tiers - 1) / 2. Shards without
// scores count as one tier when num_tiers is 1. num_tiers in 1..255.
TierSplit split_into_tiers(const std::vector<ScoredShard>& shards, int64_t num_tiers);

}  // namespace espalier
