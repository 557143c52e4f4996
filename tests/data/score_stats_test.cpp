// Histograms, deciles and rank correlation against slower second computations.
#include "core/data/difficulty/score_stats.h"

#include <cmath>

#include "core/data/shards/token_shard_writer.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

TokenShard shard_of(const fs::path& stem, size_t documents) {
  TokenShardWriter writer(stem, 257);
  for (size_t d = 0; d < documents; ++d) writer.append(std::vector<int32_t>(2, 1));
  writer.finish();
  return TokenShard::open(stem.string() + ".bin", 256);
}

}  // namespace

TEST_CASE("the rank correlation is that of the definition", "[data][stats]") {
  const TempDir dir;
  const TokenShard shard = shard_of(dir / "a", 60);
  const auto rho = [&](const std::vector<float>& a, const std::vector<float>& b) {
    return spearman({{"a", {}, {}, &shard, a}}, {{"a", {}, {}, &shard, b}});
  };
  std::vector<float> up(60), down(60), curve(60), ties(60), mixed(60);
  const Rng rng(1, "test.spearman");
  for (size_t i = 0; i < 60; ++i) {
    up[i] = static_cast<float>(i);
    down[i] = -up[i];
    curve[i] = std::exp(up[i] / 9);
    ties[i] = static_cast<float>(rng.below(6, i));
    mixed[i] = i % 7 == 0 ? NAN : static_cast<float>(rng.below(9, i, 1)) + ties[i];
  }
  CHECK(rho(up, curve) == Approx(1));
  CHECK(rho(up, down) == Approx(-1));
  CHECK(std::isnan(rho(up, std::vector<float>(60, 2))));
  CHECK(std::isnan(rho(std::vector<float>(60, NAN), up)));
  // Pearson's correlation of mid-ranks, counted in pairs.
  const auto rank = [&](const std::vector<float>& values, size_t i) {
    double below = 0;
    for (size_t j = 0; j < 60; ++j)
      if (j % 7 != 0) below += values[j] < values[i] ? 1 : values[j] == values[i] ? 0.5 : 0;
    return below;
  };
  double n = 0, x = 0, y = 0, xy = 0, xx = 0, yy = 0;
  for (size_t i = 0; i < 60; ++i) {
    if (i % 7 == 0) continue;
    const double a = rank(ties, i), b = rank(mixed, i);
    n += 1, x += a, y += b, xy += a * b, xx += a * a, yy += b * b;
  }
  CHECK(rho(ties, mixed) == Approx((n * xy - x * y) / std::sqrt((n * xx - x * x) * (n * yy - y * y))));
}

TEST_CASE("a summary counts every document once", "[data][stats]") {
  const TempDir dir;
  const TokenShard shard = shard_of(dir / "a", 1001);
  std::vector<float> scores(1001);
  for (size_t i = 0; i < scores.size(); ++i) scores[i] = static_cast<float>((i * 10) % 1001);
  scores[3] = NAN;
  const std::vector<ScoredShard> shards{{"a", {}, {}, &shard, scores}};
  const auto range = histogram_range(shards);
  CHECK(range.low == Approx(5).margin(1));
  CHECK(range.high == Approx(995).margin(1));
  const auto summary = summarize_scores(shards, range, 10);
  CHECK(summary.documents == 1001);
  CHECK(summary.unscored == 1);
  uint64_t counted = 0;
  for (const uint64_t bin : summary.histogram) counted += bin;
  CHECK(counted == 1000);
  CHECK(summary.histogram[5] == Approx(99).margin(1));
  CHECK(summary.deciles.front() == 0);
  CHECK(summary.deciles[5] == Approx(500).margin(1));
  CHECK(summary.deciles.back() == 1000);
  CHECK(range.bin(-1e9, 10) == 0);
  CHECK(range.bin(1e9, 10) == 9);
  CHECK(HistogramRange{2, 2}.bin(2, 10) == 0);
}

TEST_CASE("examples go from the easiest to the hardest document", "[data][stats]") {
  const TempDir dir;
  const TokenShard a = shard_of(dir / "a", 30), b = shard_of(dir / "b", 21);
  std::vector<float> first(30), second(21);
  for (size_t i = 0; i < 30; ++i) first[i] = static_cast<float>(2 * i);
  for (size_t i = 0; i < 21; ++i) second[i] = static_cast<float>(50 - 2 * static_cast<int>(i)) + 1;
  first[29] = NAN;
  const auto found = documents_at_deciles({{"a", {}, {}, &a, first}, {"b", {}, {}, &b, second}});
  REQUIRE(found.size() == 11);
  CHECK(found.front().score == 0);
  CHECK(found.back().score == 56);
  for (size_t i = 1; i < found.size(); ++i) CHECK(found[i].score > found[i - 1].score);
  CHECK(documents_at_deciles({{"a", {}, {}, &a, std::vector<float>(30, NAN)}}).empty());
  const std::vector<ScoredShard> nothing{{"a", {}, {}, &a, std::vector<float>(30, NAN)}};
  const auto summary = summarize_scores(nothing, histogram_range(nothing), 4);
  CHECK(summary.unscored == summary.documents);
  CHECK(std::isnan(summary.mean));  // no score is not a score of 0
  for (const double decile : summary.deciles) CHECK(std::isnan(decile));
  std::vector<float> one(30, NAN);
  one[4] = 1;
  CHECK(documents_at_deciles({{"a", {}, {}, &a, one}}).size() == 1);
}
