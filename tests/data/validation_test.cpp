#include <cmath>

#include "core/data/shards/token_shard_writer.h"
#include "core/data/stream/unigram.h"
#include "core/data/stream/val_set.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

TokenShard shard_of(const fs::path& stem, const std::vector<int32_t>& tokens) {
  TokenShardWriter writer(stem, 257);
  writer.append(tokens);
  writer.finish();
  return TokenShard::open(stem.string() + ".bin", 256);
}

}  // namespace

TEST_CASE("validation batches are the text in order, each target once", "[data][validation]") {
  const TempDir dir;
  const auto tokenizer = make_byte_tokenizer();
  for (const int64_t length : {11, 12, 50, 100}) {
    std::vector<int32_t> tokens;
    for (int32_t i = 0; i < length; ++i) tokens.push_back(i % 10 == 9 ? 256 : i);
    const TokenShard shard = shard_of(dir / "v", tokens);
    const ValSet set("v", shard, *tokenizer, 5, 3, 0);
    const int64_t rows = (length - 1) / 5;
    CHECK(set.num_batches() == (rows + 2) / 3);
    int64_t row = 0, bytes = 0, expected_bytes = 0;
    for (int64_t b = 0; b < set.num_batches(); ++b) {
      const ValBatch batch = set.batch(b);
      REQUIRE(batch.tokens.size() == static_cast<size_t>(batch.rows * 6));
      CHECK(batch.targets == batch.rows * 5);
      for (int64_t r = 0; r < batch.rows; ++r, ++row)
        for (int64_t i = 0; i < 6; ++i)
          CHECK(batch.tokens[static_cast<size_t>(r * 6 + i)] == tokens[static_cast<size_t>(row * 5 + i)]);
      bytes += batch.bytes;
    }
    CHECK(row == rows);
    for (int64_t i = 1; i <= rows * 5; ++i) expected_bytes += tokens[static_cast<size_t>(i)] == 256 ? 0 : 1;
    CHECK(bytes == expected_bytes);
  }
}

TEST_CASE("validation keeps to its number of batches and takes short texts", "[data][validation]") {
  const TempDir dir;
  const auto tokenizer = make_byte_tokenizer();
  const TokenShard shard = shard_of(dir / "v", std::vector<int32_t>(100, 'x'));
  CHECK(ValSet("v", shard, *tokenizer, 5, 4, 2).num_batches() == 2);
  CHECK(ValSet("v", shard, *tokenizer, 5, 4, 50).num_batches() == 5);
  const ValSet brief("v", shard, *tokenizer, 1000, 4, 0);
  CHECK(brief.seq_len() == 99);
  CHECK(brief.num_batches() == 1);
  CHECK(brief.batch(0).rows == 1);
  const TokenShard one = shard_of(dir / "o", {5});
  CHECK(error_of([&] { ValSet("o", one, *tokenizer, 5, 4, 0); }).code() == ErrorCode::data);
}

TEST_CASE("the unigram baseline is the entropy of known texts", "[data][validation]") {
  const TempDir dir;
  const auto tokenizer = make_byte_tokenizer();
  std::vector<int32_t> tokens;
  for (int32_t i = 0; i < 4001; ++i) tokens.push_back("abcd"[i % 4]);
  const TokenShard shard = shard_of(dir / "v", tokens);
  const auto counts = count_tokens(shard, 257);
  CHECK(counts['a'] == 1001);
  CHECK(counts['b'] == 1000);
  CHECK(counts['e'] == 0);
  const ValSet set("v", shard, *tokenizer, 8, 4, 0);
  // Four equal letters: 2 bits, and the smoothing over 257 ids costs log2(4258 / 4001) more.
  CHECK(unigram_bits_per_byte(counts, set) == Approx(2.0 + std::log2(4258.0 / 4001)).margin(0.003));
  CHECK(unigram_bits_per_byte(std::vector<uint64_t>(257, 0), set) == Approx(std::log2(257)));
}
