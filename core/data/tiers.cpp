#include "core/data/tiers.h"

#include <algorithm>
#include <cassert>
#include <cmath>

#include "core/base/rng.h"

namespace espalier {
namespace {

struct Ranked {
  float score;
  uint64_t tie;
  uint32_t source, document;
};

void add(Tier& tier, uint64_t tokens, float score, double& weighted) {
  tier.lowest_score = weighted == 0 ? score : std::min<double>(tier.lowest_score, score);
  tier.highest_score = weighted == 0 ? score : std::max<double>(tier.highest_score, score);
  const auto mass = static_cast<double>(tokens);
  weighted += mass;
  tier.mean_score += (score - tier.mean_score) * mass / weighted;
}

}  // namespace

TierSplit split_into_tiers(const std::vector<ScoredShard>& shards, int64_t num_tiers) {
  assert(num_tiers >= 1 && num_tiers <= 255);
  const auto count = static_cast<uint64_t>(num_tiers);
  const auto middle = static_cast<uint8_t>((count - 1) / 2);
  TierSplit split;
  split.tiers.resize(count);
  std::vector<Ranked> ranked;
  uint64_t ranked_tokens = 0;
  for (uint32_t s = 0; s < shards.size(); ++s) {
    const auto& [source, stem, key, shard, scores] = shards[s];
    split.tier_of.emplace_back(shard->num_documents(), middle);
    for (uint32_t d = 0; d < scores.size(); ++d) {
      if (std::isnan(scores[d])) continue;
      ranked.push_back({scores[d], mix64(hash64(source), d), s, d});
      ranked_tokens += shard->length(d);
    }
  }
  std::sort(ranked.begin(), ranked.end(),
            [](const Ranked& a, const Ranked& b) { return a.score != b.score ? a.score < b.score : a.tie < b.tie; });

  std::vector<double> weighted(count, 0);
  uint64_t before = 0;
  for (const auto& item : ranked) {
    const uint64_t tokens = shards[item.source].shard->length(item.document);
    const auto wide = static_cast<unsigned __int128>(2 * before + tokens) * count / (2 * ranked_tokens);
    const auto tier = std::min(static_cast<uint64_t>(wide), count - 1);
    split.tier_of[item.source][item.document] = static_cast<uint8_t>(tier);
    add(split.tiers[tier], tokens, item.score, weighted[tier]);
    before += tokens;
  }
  for (size_t s = 0; s < shards.size(); ++s)
    for (size_t d = 0; d < split.tier_of[s].size(); ++d) {
      auto& tier = split.tiers[split.tier_of[s][d]];
      ++tier.documents;
      tier.tokens += shards[s].shard->length(d);
    }
  return split;
}

}  // namespace espalier
