#include "core/data/difficulty/tiers.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <functional>

#include "core/base/rng.h"

namespace espalier {
namespace {

struct Ranked {
  float score;
  uint64_t tie;
  uint32_t source, document;
};

uint8_t middle_of(size_t num_tiers) {
  return static_cast<uint8_t>((num_tiers - 1) / 2);
}

void add(Tier& tier, uint64_t tokens, float score, double& weighted) {
  tier.lowest_score = tier.scored == 0 ? score : std::min<double>(tier.lowest_score, score);
  tier.highest_score = tier.scored == 0 ? score : std::max<double>(tier.highest_score, score);
  ++tier.scored;
  const auto mass = static_cast<double>(tokens);
  weighted += mass;
  tier.mean_score += (score - tier.mean_score) * mass / weighted;
}

// Tier of a document by the tokens before it in the order, its own and all.
using CutByMass = std::function<uint64_t(uint64_t before, uint64_t tokens, uint64_t total)>;

TierSplit split_by_mass(const std::vector<ScoredShard>& shards, size_t num_tiers, const CutByMass& cut) {
  std::vector<std::vector<uint8_t>> tier_of;
  std::vector<Ranked> ranked;
  uint64_t ranked_tokens = 0;
  for (uint32_t s = 0; s < shards.size(); ++s) {
    const auto& shard = *shards[s].shard;
    const auto& scores = shards[s].scores;
    tier_of.emplace_back(shard.num_documents(), middle_of(num_tiers));
    for (uint32_t d = 0; d < scores.size(); ++d) {
      if (std::isnan(scores[d])) continue;
      ranked.push_back({scores[d], mix64(hash64(shards[s].source), d), s, d});
      ranked_tokens += shard.length(d);
    }
  }
  std::sort(ranked.begin(), ranked.end(),
            [](const Ranked& a, const Ranked& b) { return a.score != b.score ? a.score < b.score : a.tie < b.tie; });
  uint64_t before = 0;
  for (const auto& item : ranked) {
    const uint64_t tokens = shards[item.source].shard->length(item.document);
    const uint64_t tier = std::min<uint64_t>(cut(before, tokens, ranked_tokens), num_tiers - 1);
    tier_of[item.source][item.document] = static_cast<uint8_t>(tier);
    before += tokens;
  }
  return split_as_given(shards, std::move(tier_of), static_cast<int64_t>(num_tiers));
}

}  // namespace

TierSplit split_into_tiers(const std::vector<ScoredShard>& shards, int64_t num_tiers) {
  assert(num_tiers >= 1 && num_tiers <= 255);
  const auto count = static_cast<uint64_t>(num_tiers);
  return split_by_mass(shards, count, [count](uint64_t before, uint64_t tokens, uint64_t total) {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(2 * before + tokens) * count / (2 * total));
  });
}

TierSplit split_at_quantiles(const std::vector<ScoredShard>& shards, std::span<const double> quantiles) {
  return split_by_mass(shards, quantiles.size() + 1, [&](uint64_t before, uint64_t tokens, uint64_t total) {
    const double middle = (static_cast<double>(before) + static_cast<double>(tokens) / 2) / static_cast<double>(total);
    return static_cast<uint64_t>(std::upper_bound(quantiles.begin(), quantiles.end(), middle) - quantiles.begin());
  });
}

TierSplit split_at_scores(const std::vector<ScoredShard>& shards, std::span<const double> thresholds) {
  const size_t num_tiers = thresholds.size() + 1;
  std::vector<std::vector<uint8_t>> tier_of;
  for (const auto& shard : shards) {
    tier_of.emplace_back(shard.shard->num_documents(), middle_of(num_tiers));
    for (size_t d = 0; d < shard.scores.size(); ++d) {
      const auto score = static_cast<double>(shard.scores[d]);
      if (std::isnan(score)) continue;
      const auto above = std::upper_bound(thresholds.begin(), thresholds.end(), score) - thresholds.begin();
      tier_of.back()[d] = static_cast<uint8_t>(above);
    }
  }
  return split_as_given(shards, std::move(tier_of), static_cast<int64_t>(num_tiers));
}

TierSplit split_as_given(const std::vector<ScoredShard>& shards, std::vector<std::vector<uint8_t>> tier_of,
                         int64_t num_tiers) {
  TierSplit split{std::vector<Tier>(static_cast<size_t>(num_tiers)), std::move(tier_of)};
  std::vector<double> weighted(split.tiers.size(), 0);
  for (size_t s = 0; s < shards.size(); ++s)
    for (size_t d = 0; d < split.tier_of[s].size(); ++d) {
      const uint8_t number = split.tier_of[s][d];
      auto& tier = split.tiers[number];
      const uint64_t tokens = shards[s].shard->length(d);
      ++tier.documents;
      tier.tokens += tokens;
      if (d < shards[s].scores.size() && !std::isnan(shards[s].scores[d]))
        add(tier, tokens, shards[s].scores[d], weighted[number]);
    }
  return split;
}

}  // namespace espalier
