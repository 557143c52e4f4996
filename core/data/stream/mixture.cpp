#include "core/data/stream/mixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <utility>

#include "core/base/error.h"

// The loop over all cells in the widest registers that the machine has. Sums are element by element, so the result is
// the same on every machine. (The sanitizers do not support functions that are chosen at load time.)
#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__SANITIZE_ADDRESS__)
#define ESPALIER_WIDEST __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define ESPALIER_WIDEST
#endif

namespace espalier {
namespace {

// Two sums at a time, which do not wait for each other.
constexpr size_t kLanes = 8, kChains = 2, kStride = kLanes * kChains;
using Lanes = double __attribute__((vector_size(kLanes * sizeof(double))));
using Places = int64_t __attribute__((vector_size(kLanes * sizeof(int64_t))));

// Adds probability to credit, `size` a multiple of kStride, and returns the first place of the largest sum.
ESPALIER_WIDEST size_t add_and_find_largest(double* credit, const double* probability, size_t size) {
  constexpr double kLowest = -std::numeric_limits<double>::infinity();
  Lanes largest[kChains];
  Places place[kChains];
  for (size_t c = 0; c < kChains; ++c) {
    largest[c] = Lanes{} + kLowest;
    place[c] = Places{};
  }
  Places base{};
  for (size_t i = 0; i < size; i += kStride, base += static_cast<int64_t>(kStride))
#pragma GCC unroll 2
    for (size_t c = 0; c < kChains; ++c) {
      Lanes sum, add;
      std::memcpy(&sum, credit + i + c * kLanes, sizeof(sum));
      std::memcpy(&add, probability + i + c * kLanes, sizeof(add));
      sum += add;
      std::memcpy(credit + i + c * kLanes, &sum, sizeof(sum));
      const auto larger = sum > largest[c];
      largest[c] = larger ? sum : largest[c];
      place[c] = larger ? base : place[c];
    }
  double best = kLowest;
  size_t at = 0;
  for (size_t c = 0; c < kChains; ++c)
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const size_t here = static_cast<size_t>(place[c][lane]) + c * kLanes + lane;
      if (largest[c][lane] < best || (largest[c][lane] == best && here > at)) continue;
      best = largest[c][lane];
      at = here;
    }
  return at;
}

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
  for (size_t c = 0; c < cells_.size(); ++c) probabilities_[c] /= cells_[c].fill;
  const double total = std::accumulate(probabilities_.begin(), probabilities_.end(), 0.0);
  if (total > 0)
    for (double& p : probabilities_) p /= total;
  pack_active();
}

void Mixture::pack_active() {
  credit_ = credit();
  active_.clear();
  for (size_t c = 0; c < cells_.size(); ++c)
    if (probabilities_[c] > 0) active_.push_back(static_cast<uint32_t>(c));
  // What fills up the last lines never wins.
  const size_t lines = (active_.size() + kStride - 1) / kStride * kChains;
  constexpr double kNever = -std::numeric_limits<double>::infinity();
  active_probability_.assign(lines, {{0, 0, 0, 0, 0, 0, 0, 0}});
  active_credit_.assign(lines, {{kNever, kNever, kNever, kNever, kNever, kNever, kNever, kNever}});
  for (size_t i = 0; i < active_.size(); ++i) {
    active_probability_[i / kLanes].values[i % kLanes] = probabilities_[active_[i]];
    active_credit_[i / kLanes].values[i % kLanes] = credit_[active_[i]];
  }
}

std::vector<double> Mixture::credit() const {
  std::vector<double> credit = credit_;
  for (size_t i = 0; i < active_.size(); ++i) credit[active_[i]] = active_credit_[i / kLanes].values[i % kLanes];
  return credit;
}

int32_t Mixture::draw() {
  if (active_.empty()) return -1;
  const size_t best = add_and_find_largest(active_credit_.data()->values, active_probability_.data()->values,
                                           active_credit_.size() * kLanes);
  active_credit_[best / kLanes].values[best % kLanes] -= 1;
  return static_cast<int32_t>(active_[best]);
}

void Mixture::retire(size_t cell) {
  retired_[cell] = true;
  update_probabilities();
}

void Mixture::restore(const MixtureWeights& weights, std::vector<bool> retired, std::vector<double> credit) {
  assert(retired.size() == cells_.size() && credit.size() == cells_.size());
  retired_ = std::move(retired);
  active_.clear();  // their credit is replaced, too
  credit_ = std::move(credit);
  set_weights(weights);
}

}  // namespace espalier
