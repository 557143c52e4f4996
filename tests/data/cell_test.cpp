#include "core/data/stream/source_tier_cell.h"

#include <map>
#include <set>

#include "core/data/shards/token_shard_writer.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

BlockOptions concat(int64_t block_tokens, uint64_t seed) {
  return {block_tokens, Packing::concat, 0, seed};
}

std::vector<uint32_t> all_documents(const TokenShard& shard) {
  std::vector<uint32_t> documents(shard.num_documents());
  for (uint32_t d = 0; d < documents.size(); ++d) documents[d] = d;
  return documents;
}

}  // namespace

TEST_CASE("an epoch covers every window of the joined documents exactly once", "[data][cell]") {
  const TempDir dir;
  for (uint64_t seed = 0; seed < 25; ++seed) {
    const Rng rng(seed, "test.cell.sizes");
    const TokenShard shard = numbered_shard(dir / "s", random_lengths(seed, 1 + rng.below(40, 0), 30));
    const auto seq_len = static_cast<int64_t>(1 + rng.below(20, 1));
    Cell cell(shard, all_documents(shard), concat(seq_len, seed), "s/0");
    if (cell.repeats_inside()) continue;
    CHECK(cell.blocks_per_epoch() == (shard.num_tokens() - 1) / static_cast<uint64_t>(seq_len));
    for (const uint64_t epoch : {0, 1, 5}) {
      std::map<int32_t, int> inputs;
      std::set<std::pair<int32_t, int32_t>> steps;
      std::vector<int32_t> window(static_cast<size_t>(seq_len) + 1);
      for (uint64_t w = 0; w < cell.blocks_per_epoch(); ++w) {
        cell.copy(epoch * cell.blocks_per_epoch() + w, 0, window);
        for (size_t i = 0; i + 1 < window.size(); ++i) {
          ++inputs[window[i]];
          steps.insert({window[i], window[i + 1]});
        }
      }
      CHECK(inputs.size() == cell.blocks_per_epoch() * static_cast<uint64_t>(seq_len));
      for (const auto& [token, times] : inputs) CHECK(times == 1);
      // The joined windows are whole documents: a token is followed by its successor, or a document's end by a start.
      for (const auto& [from, to] : steps) {
        bool is_end = false, is_start = false;
        for (size_t d = 0; d < shard.num_documents(); ++d) {
          is_end |= static_cast<uint64_t>(from) + 1 == shard.offset(d) + shard.length(d);
          is_start |= static_cast<uint64_t>(to) == shard.offset(d);
        }
        CHECK((is_end ? is_start : to == from + 1));
      }
    }
  }
}

TEST_CASE("epochs, seeds and names give different orders, and windows can be asked in any order", "[data][cell]") {
  const TempDir dir;
  const TokenShard shard = numbered_shard(dir / "s", random_lengths(1, 50, 30));
  const auto order = [&](uint64_t seed, const std::string& name, uint64_t epoch) {
    Cell cell(shard, all_documents(shard), concat(8, seed), name);
    std::vector<int32_t> all, window(9);
    for (uint64_t w = 0; w < cell.blocks_per_epoch(); ++w) {
      cell.copy(epoch * cell.blocks_per_epoch() + w, 0, window);
      all.insert(all.end(), window.begin(), window.end());
    }
    return all;
  };
  const auto first = order(1, "a/0", 0);
  CHECK(order(1, "a/0", 0) == first);
  CHECK(order(1, "a/0", 1) != first);
  CHECK(order(2, "a/0", 0) != first);
  CHECK(order(1, "b/0", 0) != first);

  Cell cell(shard, all_documents(shard), concat(8, 1), "a/0");
  std::vector<int32_t> window(9);
  for (uint64_t w = cell.blocks_per_epoch(); w-- > 0;) {
    cell.copy(7 * cell.blocks_per_epoch() + w, 0, window);  // another epoch in between
    cell.copy(w, 0, window);
    CHECK(std::equal(window.begin(), window.end(), first.begin() + static_cast<long>(w) * 9));
  }
}

TEST_CASE("a cell shorter than a window repeats inside it", "[data][cell]") {
  const TempDir dir;
  TokenShardWriter writer(dir / "s", 257);
  writer.append(std::vector<int32_t>{1, 2, 3});
  writer.finish();
  const TokenShard shard = TokenShard::open(dir / "s.bin", 0);
  Cell cell(shard, {0}, concat(7, 1), "s/0");
  REQUIRE(cell.repeats_inside());
  CHECK(cell.blocks_per_epoch() == 1);
  std::vector<int32_t> window(8);
  for (const uint64_t k : {0, 1, 9}) {
    cell.copy(k, 0, window);
    CHECK(window == std::vector<int32_t>{1, 2, 3, 1, 2, 3, 1, 2});
  }
}
