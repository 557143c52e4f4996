#include "core/data/mixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <numeric>
#include <utility>

#include "core/base/error.h"

namespace espalier {
namespace {

void check_weights(const std::vector<double>& weights, size_t expected, const char* of) {
  if (weights.empty()) return;
  if (weights.size() != expected)
    throw Error(ErrorCode::config,
                fmt::format("the mixture has {} {} weights for {} {}s", weights.size(), of, expected, of),
                "schedule.mixture");
  for (const double weight : weights)
    if (!(weight >= 0) || std::isinf(weight))
      throw Error(ErrorCode::config, fmt::format("{} weight {} of the mixture", of, weight), "schedule.mixture",
                  "weights must be finite and not negative");
}

}  // namespace

Mixture::Mixture(std::vector<CellSize> cells, std::vector<double> source_weights, int32_t num_tiers)
    : cells_(std::move(cells)),
      default_source_weights_(std::move(source_weights)),
      num_tiers_(static_cast<size_t>(num_tiers)),
      retired_(cells_.size(), false),
      credit_(cells_.size(), 0.0) {
  std::vector<double> tokens(default_source_weights_.size(), 0.0);
  for (const auto& cell : cells_) tokens[static_cast<size_t>(cell.source)] += static_cast<double>(cell.tokens);
  for (const auto& cell : cells_)
    share_.push_back(static_cast<double>(cell.tokens) / tokens[static_cast<size_t>(cell.source)]);
  if (std::all_of(default_source_weights_.begin(), default_source_weights_.end(), [](double w) { return w == 0; }))
    default_source_weights_ = tokens;
  set_weights({});
}

void Mixture::set_weights(const MixtureWeights& weights) {
  check_weights(weights.sources, default_source_weights_.size(), "source");
  check_weights(weights.tiers, num_tiers_, "tier");
  const MixtureWeights before = std::exchange(weights_, weights);
  update_probabilities();
  const bool nothing = std::all_of(probabilities_.begin(), probabilities_.end(), [](double p) { return p == 0; });
  if (!nothing || std::any_of(retired_.begin(), retired_.end(), [](bool gone) { return gone; })) return;
  weights_ = before;
  update_probabilities();
  throw Error(ErrorCode::config, "the mixture weights leave nothing to draw from", "schedule.mixture",
              "give a positive weight to at least one source and tier that hold documents");
}

void Mixture::update_probabilities() {
  const auto& source_weights = weights_.sources.empty() ? default_source_weights_ : weights_.sources;
  probabilities_.assign(cells_.size(), 0.0);
  std::vector<double> tier_mass(num_tiers_, 0.0);
  for (size_t c = 0; c < cells_.size(); ++c) {
    if (retired_[c]) continue;
    probabilities_[c] = source_weights[static_cast<size_t>(cells_[c].source)] * share_[c];
    tier_mass[static_cast<size_t>(cells_[c].tier)] += probabilities_[c];
  }
  if (!weights_.tiers.empty())
    for (size_t c = 0; c < cells_.size(); ++c) {
      const auto tier = static_cast<size_t>(cells_[c].tier);
      if (tier_mass[tier] > 0) probabilities_[c] *= weights_.tiers[tier] / tier_mass[tier];
    }
  const double total = std::accumulate(probabilities_.begin(), probabilities_.end(), 0.0);
  if (total > 0)
    for (double& p : probabilities_) p /= total;
}

int32_t Mixture::draw() {
  size_t best = cells_.size();
  for (size_t c = 0; c < cells_.size(); ++c) {
    if (probabilities_[c] == 0) continue;
    credit_[c] += probabilities_[c];
    if (best == cells_.size() || credit_[c] > credit_[best]) best = c;
  }
  if (best == cells_.size()) return -1;
  credit_[best] -= 1;
  return static_cast<int32_t>(best);
}

void Mixture::retire(size_t cell) {
  retired_[cell] = true;
  update_probabilities();
}

void Mixture::restore(const MixtureWeights& weights, std::vector<bool> retired, std::vector<double> credit) {
  assert(retired.size() == cells_.size() && credit.size() == cells_.size());
  retired_ = std::move(retired);
  credit_ = std::move(credit);
  set_weights(weights);
}

}  // namespace espalier
