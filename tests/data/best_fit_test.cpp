#include "core/data/stream/best_fit_order.h"

#include <algorithm>
#include <map>
#include <set>

#include "core/data/stream/concat_order.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

std::vector<uint32_t> all_documents(const TokenShard& shard) {
  std::vector<uint32_t> documents(shard.num_documents());
  for (uint32_t d = 0; d < documents.size(); ++d) documents[d] = d;
  return documents;
}

// Lengths of one of several kinds: short, around the block, long, equal.
std::vector<uint64_t> lengths_of(uint64_t seed, uint64_t block) {
  const Rng rng(seed, "test.fit.lengths");
  std::vector<uint64_t> lengths(1 + rng.below(80, 0));
  for (size_t d = 0; d < lengths.size(); ++d) switch (seed % 4) {
      case 0:
        lengths[d] = 1 + rng.below(block, d, 1);
        break;
      case 1:
        lengths[d] = 1 + rng.below(4 * block, d, 1);
        break;
      case 2:
        lengths[d] = block + rng.below(3, d, 1) - (block > 1 ? 1 : 0);
        break;
      default:
        lengths[d] = 1 + seed % block;
        break;
    }
  return lengths;
}

struct Blocks {
  std::vector<std::vector<int32_t>> tokens;  // without padding
  uint64_t padding = 0;
};

Blocks read_epoch(const BestFitOrder& order, uint64_t epoch, uint64_t block) {
  Blocks blocks;
  for (uint64_t b = 0; b < order.blocks(); ++b) {
    std::vector<int32_t> row(block + 1);
    const RowPlace place = order.copy(epoch * order.blocks() + b, 0, row);
    for (size_t i = place.tokens; i < row.size(); ++i) REQUIRE(row[i] == kNumberedEos);
    blocks.padding += row.size() - place.tokens;
    row.resize(place.tokens);
    blocks.tokens.push_back(row);
  }
  return blocks;
}

}  // namespace

TEST_CASE("best-fit: every token is a target once an epoch, and documents that fit are whole", "[data][packing]") {
  const TempDir dir;
  for (uint64_t seed = 0; seed < 120; ++seed) {
    INFO("seed " << seed);
    const Rng rng(seed, "test.fit");
    const uint64_t block = 1 + rng.below(seed % 5 == 0 ? 200 : 40, 0);
    const auto lengths = lengths_of(seed, block);
    const TokenShard shard = numbered_shard(dir / "s", lengths);
    const BestFitOrder order(shard, all_documents(shard), block, kNumberedEos, seed);
    for (const uint64_t epoch : {0, 1, 4}) {
      const Blocks blocks = read_epoch(order, epoch, block);
      std::vector<int> times(shard.num_tokens(), 0);
      std::set<size_t> cut;
      for (const auto& row : blocks.tokens) {
        REQUIRE(row.size() >= 2);
        for (size_t i = 1; i < row.size(); ++i) {
          ++times[static_cast<size_t>(row[i])];
          const auto token = static_cast<uint64_t>(row[i]);
          size_t d = 0;
          while (shard.offset(d) + shard.length(d) <= token) ++d;
          const bool starts = shard.offset(d) == token, after_its_own = i > 0 && row[i - 1] + 1 == row[i];
          if (!starts && !(after_its_own && i > 1)) cut.insert(d);
          // What leads a block is the end of text or the token before; nothing else stands at a document's side.
          if (i == 1) REQUIRE(row[0] == (starts ? kNumberedEos : row[1] - 1));
        }
      }
      REQUIRE(std::all_of(times.begin(), times.end(), [](int n) { return n == 1; }));
      REQUIRE(blocks.padding == order.blocks() * block - shard.num_tokens());
      for (const size_t d : cut) REQUIRE(shard.length(d) > block);
      REQUIRE(order.cut_documents() == static_cast<uint64_t>(std::count_if(lengths.begin(), lengths.end(),
                                                                           [&](uint64_t n) { return n > block; })));
    }
  }
}

TEST_CASE("best-fit cuts no more documents than joining does, in any epoch", "[data][packing]") {
  const TempDir dir;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    INFO("seed " << seed);
    const uint64_t block = 2 + seed % 30;
    const auto lengths = lengths_of(seed, block);
    const TokenShard shard = numbered_shard(dir / "s", lengths);
    const BestFitOrder order(shard, all_documents(shard), block, kNumberedEos, seed);
    ConcatOrder joined(shard, all_documents(shard), block, seed);
    if (joined.repeats_inside()) continue;
    for (uint64_t epoch = 0; epoch < 3; ++epoch) {
      // A document is whole in a joined epoch when some block has all its tokens as targets.
      std::set<uint64_t> whole;
      for (uint64_t b = 0; b < joined.blocks(); ++b) {
        std::vector<int32_t> row(block + 1);
        joined.copy(epoch * joined.blocks() + b, 0, row);
        const std::set<int32_t> targets(row.begin() + 1, row.end());
        for (size_t d = 0; d < lengths.size(); ++d) {
          bool all = true;
          for (uint64_t i = 0; i < lengths[d] && all; ++i)
            all = targets.count(static_cast<int32_t>(shard.offset(d) + i)) > 0;
          if (all) whole.insert(d);
        }
      }
      CHECK(order.cut_documents() <= lengths.size() - whole.size());
    }
  }
}

TEST_CASE("best-fit packs as the plain algorithm does", "[data][packing]") {
  const TempDir dir;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    INFO("seed " << seed);
    const uint64_t block = 5 + seed % 90;
    const auto lengths = lengths_of(seed, block);
    const TokenShard shard = numbered_shard(dir / "s", lengths);
    const BestFitOrder order(shard, all_documents(shard), block, kNumberedEos, seed);
    // The longest first, each into the fullest bin that holds it.
    std::vector<uint64_t> rests, bins;
    uint64_t full = 0;
    for (const uint64_t length : lengths) {
      const uint64_t rest = length <= block ? length : length % block;
      full += (length - rest) / block;
      if (rest > 0) rests.push_back(rest);
    }
    std::sort(rests.rbegin(), rests.rend());
    for (const uint64_t rest : rests) {
      auto best = bins.end();
      for (auto bin = bins.begin(); bin != bins.end(); ++bin)
        if (*bin + rest <= block && (best == bins.end() || *bin > *best)) best = bin;
      if (best == bins.end()) best = bins.insert(bins.end(), 0);
      *best += rest;
    }
    std::multiset<uint64_t> expected(bins.begin(), bins.end()), got;
    for (uint64_t i = 0; i < full; ++i) expected.insert(block);
    for (const auto& row : read_epoch(order, 0, block).tokens) got.insert(row.size() - 1);
    CHECK(got == expected);
  }
}

TEST_CASE("best-fit changes partners and order from epoch to epoch and repeats them for a seed", "[data][packing]") {
  const TempDir dir;
  const TokenShard shard = numbered_shard(dir / "s", random_lengths(3, 300, 20));
  const auto documents = all_documents(shard);
  const BestFitOrder order(shard, documents, 32, kNumberedEos, 1), same(shard, documents, 32, kNumberedEos, 1),
      other(shard, documents, 32, kNumberedEos, 2);
  const auto first = read_epoch(order, 0, 32).tokens;
  CHECK(read_epoch(same, 0, 32).tokens == first);
  CHECK(read_epoch(other, 0, 32).tokens != first);
  // Blocks as sets of documents: nearly all are new in the next epoch.
  const auto sets = [](std::vector<std::vector<int32_t>> rows) {
    std::set<std::vector<int32_t>> out;
    for (auto& row : rows) {
      std::sort(row.begin(), row.end());
      out.insert(row);
    }
    return out;
  };
  const auto a = sets(first), b = sets(read_epoch(order, 1, 32).tokens);
  size_t kept = 0;
  for (const auto& block : a) kept += b.count(block);
  CHECK(kept < a.size() / 10);
}

TEST_CASE("best-fit: any part of a block is that part of the block", "[data][packing]") {
  const TempDir dir;
  const TokenShard shard = numbered_shard(dir / "s", random_lengths(5, 60, 90));
  const uint64_t block = 48;
  const BestFitOrder order(shard, all_documents(shard), block, kNumberedEos, 1);
  const Rng rng(1, "test.fit.parts");
  for (uint64_t k = 0; k < 2 * order.blocks(); ++k) {
    std::vector<int32_t> whole(block + 1);
    const uint64_t text = order.copy(k, 0, whole).tokens;
    for (uint64_t trial = 0; trial < 4; ++trial) {
      const uint64_t first = rng.below(block, k, trial), width = 1 + rng.below(block + 1 - first, k, 10 + trial);
      std::vector<int32_t> part(width);
      const RowPlace place = order.copy(k, first, part);
      REQUIRE(part == std::vector<int32_t>(whole.begin() + static_cast<long>(first),
                                           whole.begin() + static_cast<long>(first + width)));
      REQUIRE(place.tokens == std::min(width, text - std::min(text, first)));
      if (first + 1 < text)
        REQUIRE(shard.offset(place.document) + place.offset == static_cast<uint64_t>(whole[first + 1]));
    }
  }
}
