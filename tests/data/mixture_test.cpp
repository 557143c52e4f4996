#include "core/data/stream/mixture.h"

#include <cmath>
#include <numeric>

#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using Catch::Matchers::Contains;

namespace {

std::vector<double> realised(Mixture& mixture, size_t cells, int draws) {
  std::vector<double> fractions(cells, 0);
  for (int i = 0; i < draws; ++i) fractions[static_cast<size_t>(mixture.draw())] += 1.0 / draws;
  return fractions;
}

double largest_gap(const std::vector<double>& a, const std::vector<double>& b) {
  double gap = 0;
  for (size_t i = 0; i < a.size(); ++i) gap = std::max(gap, std::abs(a[i] - b[i]));
  return gap;
}

// The rule as it is written down, cell by cell.
int32_t plain_draw(const std::vector<double>& probabilities, std::vector<double>& credit) {
  size_t best = credit.size();
  for (size_t c = 0; c < credit.size(); ++c) {
    if (probabilities[c] == 0) continue;
    credit[c] += probabilities[c];
    if (best == credit.size() || credit[c] > credit[best]) best = c;
  }
  if (best == credit.size()) return -1;
  credit[best] -= 1;
  return static_cast<int32_t>(best);
}

}  // namespace

TEST_CASE("draws and credits are those of the plain rule, to the last bit", "[data][mixture]") {
  for (uint64_t seed = 0; seed < 40; ++seed) {
    INFO("seed " << seed);
    const Rng rng(seed, "test.mixture.plain");
    const uint64_t sources = 1 + rng.below(seed % 4 == 0 ? 100 : 12, 0), tiers = 1 + rng.below(8, 1);
    std::vector<CellSize> cells;
    for (uint64_t s = 0; s < sources; ++s)
      for (uint64_t t = 0; t < tiers; ++t)
        if (t == 0 || rng.below(4, s, 10 + t) > 0)
          cells.push_back(
              {static_cast<int32_t>(s), static_cast<int32_t>(t), 1 + rng.below(seed % 3 == 0 ? 2 : 9999, s, t)});
    Mixture mixture(cells, std::vector<double>(sources, 0.0), static_cast<int32_t>(tiers));
    std::vector<double> credit(cells.size(), 0.0);
    std::vector<bool> retired(cells.size(), false);
    for (uint64_t round = 0; round < 12; ++round) {
      for (uint64_t draws = rng.below(200, round, 100); draws > 0; --draws)
        REQUIRE(mixture.draw() == plain_draw(mixture.probabilities(), credit));
      REQUIRE(mixture.credit() == credit);
      MixtureWeights weights;
      for (uint64_t s = 0; s < sources; ++s)
        weights.sources.push_back(s == 0 || rng.below(3, s, round) > 0 ? 1.0 + rng.uniform(s, round) : 0);
      for (uint64_t t = 0; t < tiers; ++t) weights.tiers.push_back(t == 0 ? 1 : rng.uniform(t, 200 + round));
      if (round % 3 == 0) mixture.set_weights(weights);
      if (round % 3 == 1) {
        const size_t gone = rng.below(cells.size(), round, 300);
        retired[gone] = true;
        mixture.retire(gone);
      }
      if (round % 3 == 2) {
        for (double& c : credit) c += rng.uniform(round, 400) - 0.5;
        mixture.restore(mixture.weights(), retired, credit);
      }
    }
  }
}

TEST_CASE("padding is made up for: the fractions are those of text", "[data][mixture]") {
  Mixture mixture({{0, 0, 100, 1.0}, {1, 0, 100, 0.5}}, {1, 1}, 1);
  CHECK(largest_gap(mixture.probabilities(), {1.0 / 3, 2.0 / 3}) < 1e-12);
}

TEST_CASE("without weights the sources mix by their tokens", "[data][mixture]") {
  Mixture mixture({{0, 0, 300}, {1, 0, 100}}, {0, 0}, 1);
  CHECK(mixture.probabilities() == std::vector<double>{0.75, 0.25});
  CHECK(largest_gap(realised(mixture, 2, 400), {0.75, 0.25}) < 1e-9);
}

TEST_CASE("tier weights hold whatever the sources weigh", "[data][mixture]") {
  // Source 0 is all easy, source 1 half and half; tier 2 is empty.
  Mixture mixture({{0, 0, 1000}, {1, 0, 50}, {1, 1, 50}}, {1, 3}, 3);
  CHECK(largest_gap(mixture.probabilities(), {0.25, 0.375, 0.375}) < 1e-12);
  mixture.set_weights({{}, {1, 3, 6}});
  // P(tier 1) = 3/4. In tier 0: 1 * 1 against 3 * 1/2.
  CHECK(largest_gap(mixture.probabilities(), {0.25 * 0.4, 0.25 * 0.6, 0.75}) < 1e-12);
  mixture.set_weights({{1, 0}, {1, 1, 1}});
  CHECK(largest_gap(mixture.probabilities(), {1, 0, 0}) < 1e-12);
}

TEST_CASE("realised fractions stay within one percent over a few hundred samples", "[data][mixture]") {
  const Rng rng(3, "test.mixture");
  for (uint64_t trial = 0; trial < 50; ++trial) {
    std::vector<CellSize> cells;
    std::vector<double> weights(1 + rng.below(6, trial));
    for (size_t s = 0; s < weights.size(); ++s) {
      weights[s] = 0.01 + rng.uniform(s, trial);
      cells.push_back({static_cast<int32_t>(s), 0, 1 + rng.below(100000, s, 1000 + trial)});
    }
    Mixture mixture(cells, weights, 1);
    for (int repeat = 0; repeat < 5; ++repeat) {
      CHECK(largest_gap(realised(mixture, cells.size(), 300), mixture.probabilities()) < 0.01);
      for (double& weight : weights)
        weight = 0.01 + rng.uniform(static_cast<uint64_t>(repeat), static_cast<uint64_t>(weight * 1e9));
      mixture.set_weights({weights, {}});
    }
  }
}

TEST_CASE("weights that change at every step are followed, too", "[data][mixture]") {
  Mixture mixture({{0, 0, 100}, {1, 0, 100}}, {0, 0}, 1);
  double wanted = 0, got = 0;
  for (int step = 0; step < 200; ++step) {
    const double share = 0.02 + 0.0004 * step;  // far below one of the eight samples of a step
    mixture.set_weights({{1 - share, share}, {}});
    for (int i = 0; i < 8; ++i) {
      wanted += share;
      got += mixture.draw() == 1 ? 1 : 0;
    }
    CHECK(std::abs(wanted - got) <= 1);
  }
}

TEST_CASE("a cell without weight or retired is never drawn", "[data][mixture]") {
  Mixture mixture({{0, 0, 100}, {1, 0, 100}, {2, 0, 200}}, {0, 0, 0}, 1);
  mixture.set_weights({{0, 1, 1}, {}});
  CHECK(realised(mixture, 3, 100)[0] == 0);
  mixture.set_weights({});
  mixture.retire(2);
  const auto fractions = realised(mixture, 3, 100);
  CHECK(fractions[2] == 0);
  CHECK(std::abs(fractions[0] - 0.5) <= 0.011);
  mixture.retire(0);
  mixture.retire(1);
  CHECK(mixture.draw() == -1);
}

TEST_CASE("bad weights are errors and leave the mixture as it was", "[data][mixture]") {
  Mixture mixture({{0, 0, 100}, {1, 1, 100}}, {0, 0}, 3);
  const auto before = mixture.probabilities();
  const auto refused = [&](MixtureWeights weights) {
    return error_of([&] { mixture.set_weights(weights); }).message();
  };
  CHECK_THAT(refused({{1}, {}}), Contains("1 source weights for 2 sources"));
  CHECK_THAT(refused({{}, {1, 2}}), Contains("2 tier weights for 3 tiers"));
  CHECK_THAT(refused({{1, -1}, {}}), Contains("-1"));
  CHECK_THAT(refused({{}, {1, NAN, 1}}), Contains("nan"));
  CHECK_THAT(refused({{}, {INFINITY, 1, 1}}), Contains("inf"));
  CHECK_THAT(refused({{}, {0, 0, 1}}), Contains("nothing to draw from"));
  CHECK(mixture.probabilities() == before);
  CHECK(mixture.weights() == MixtureWeights{});
}
