#include "core/data/difficulty/tiers.h"

#include <cmath>

#include "core/data/shards/token_shard_writer.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

// A shard of documents with the given lengths.
TokenShard shard_of(const fs::path& stem, const std::vector<size_t>& lengths) {
  TokenShardWriter writer(stem, 257);
  for (const size_t length : lengths) writer.append(std::vector<int32_t>(length, 1));
  writer.finish();
  return TokenShard::open(stem.string() + ".bin", 256);
}

}  // namespace

TEST_CASE("tiers are quantiles of tokens, not of documents", "[data][tiers]") {
  const TempDir dir;
  const TokenShard shard = shard_of(dir / "a", {1, 1, 1, 1, 4, 8});
  const auto split = split_into_tiers({{"a", {}, {}, &shard, {1, 2, 3, 4, 5, 6}}}, 2);
  CHECK(split.tier_of[0] == std::vector<uint8_t>{0, 0, 0, 0, 0, 1});
  CHECK(split.tiers[0].tokens == 8);
  CHECK(split.tiers[0].documents == 5);
  CHECK(split.tiers[0].mean_score == Approx((1 + 2 + 3 + 4 + 4 * 5) / 8.0));
  CHECK(split.tiers[0].lowest_score == 1);
  CHECK(split.tiers[0].highest_score == 5);
  CHECK(split.tiers[1].mean_score == 6);
}

TEST_CASE("scores rise from tier to tier and token masses are equal to a document", "[data][tiers]") {
  const TempDir dir;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    const Rng rng(seed, "test.tiers");
    std::vector<size_t> lengths(1 + rng.below(400, 0));
    std::vector<float> scores(lengths.size());
    size_t longest = 0, total = 0;
    for (size_t i = 0; i < lengths.size(); ++i) {
      lengths[i] = 1 + rng.below(20, i, 1);
      scores[i] = static_cast<float>(rng.below(10, i, 2));  // many ties
      longest = std::max(longest, lengths[i]);
      total += lengths[i];
    }
    const TokenShard shard = shard_of(dir / "a", lengths);
    const auto tiers = static_cast<int64_t>(1 + rng.below(6, 3));
    const auto split = split_into_tiers({{"a", {}, {}, &shard, scores}}, tiers);
    for (size_t t = 0; t < split.tiers.size(); ++t) {
      const double gap =
          static_cast<double>(split.tiers[t].tokens) - static_cast<double>(total) / static_cast<double>(tiers);
      CHECK(std::abs(gap) <= static_cast<double>(longest));
      if (t > 0 && split.tiers[t].documents > 0 && split.tiers[t - 1].documents > 0)
        CHECK(split.tiers[t - 1].highest_score <= split.tiers[t].lowest_score);
    }
  }
}

TEST_CASE("the split does not depend on the order of the sources", "[data][tiers]") {
  const TempDir dir;
  const TokenShard a = shard_of(dir / "a", std::vector<size_t>(50, 3)),
                   b = shard_of(dir / "b", std::vector<size_t>(70, 2));
  const std::vector<float> flat_a(50, 1.0f), flat_b(70, 1.0f);  // nothing but ties
  const auto ab = split_into_tiers({{"a", {}, {}, &a, flat_a}, {"b", {}, {}, &b, flat_b}}, 3);
  const auto ba = split_into_tiers({{"b", {}, {}, &b, flat_b}, {"a", {}, {}, &a, flat_a}}, 3);
  CHECK(ab.tier_of[0] == ba.tier_of[1]);
  CHECK(ab.tier_of[1] == ba.tier_of[0]);
  CHECK(ab.tiers[0].tokens == Approx(290.0 / 3).margin(3));
}

TEST_CASE("documents without a score go to the middle tier", "[data][tiers]") {
  const TempDir dir;
  const TokenShard shard = shard_of(dir / "a", {1, 1, 1, 1, 9});
  const auto split = split_into_tiers({{"a", {}, {}, &shard, {1, 2, 3, 4, NAN}}}, 4);
  CHECK(split.tier_of[0] == std::vector<uint8_t>{0, 1, 2, 3, 1});
  CHECK(split.tiers[1].tokens == 10);
  CHECK(split.tiers[1].mean_score == 2);
  const auto none = split_into_tiers({{"a", {}, {}, &shard, std::vector<float>(5, NAN)}}, 3);
  CHECK(none.tier_of[0] == std::vector<uint8_t>(5, 1));
  CHECK(none.tiers[1].mean_score == 0);
  CHECK(none.tiers[1].scored == 0);
  CHECK(split.tiers[1].scored == 1);
  CHECK(split.tiers[1].documents == 2);
}
