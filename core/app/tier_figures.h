// The scores of a tier as a table and as JSON show them: absent where none of its documents has one.
#pragma once

#include <string>

#include "core/base/figure.h"
#include "core/base/json.h"
#include "core/data/difficulty/tiers.h"

namespace espalier {

inline std::string tier_figures_text(const Tier& tier) {
  const auto text = [&](double value) { return tier.scored == 0 ? "-" : figure("{:.4g}", value); };
  return fmt::format("{:>12} {:>12} {:>12}", text(tier.mean_score), text(tier.lowest_score), text(tier.highest_score));
}

inline nlohmann::json tier_json(const Tier& tier) {
  const auto value = [&](double score) { return tier.scored == 0 ? nlohmann::json() : nlohmann::json(score); };
  return {{"documents", tier.documents},
          {"tokens", tier.tokens},
          {"mean_score", value(tier.mean_score)},
          {"lowest_score", value(tier.lowest_score)},
          {"highest_score", value(tier.highest_score)}};
}

}  // namespace espalier
