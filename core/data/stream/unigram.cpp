#include "core/data/stream/unigram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/data/shards/token_ids.h"

namespace espalier {

std::vector<uint64_t> count_tokens(const TokenShard& shard, int32_t vocab_size) {
  constexpr uint64_t kBlock = 1 << 16;
  std::vector<uint64_t> counts(static_cast<size_t>(vocab_size), 0);
  std::vector<int32_t> tokens;
  for (uint64_t at = 0; at < shard.num_tokens(); at += kBlock) {
    tokens.resize(static_cast<size_t>(std::min(kBlock, shard.num_tokens() - at)));
    shard.copy(at, tokens);
    const size_t bad = first_outside(tokens, vocab_size);
    if (bad != tokens.size()) refuse_id(tokens[bad], vocab_size, shard.place_of(at + bad));
    for (const int32_t id : tokens) ++counts[static_cast<size_t>(id)];
  }
  return counts;
}

double unigram_bits_per_byte(std::span<const uint64_t> counts, const ValSet& set) {
  const auto total = static_cast<double>(std::accumulate(counts.begin(), counts.end(), uint64_t{0}) + counts.size());
  double bits = 0;
  int64_t bytes = 0;
  const auto width = static_cast<size_t>(set.seq_len()) + 1;
  for (int64_t b = 0; b < set.num_batches(); ++b) {
    const ValBatch batch = set.batch(b);
    bytes += batch.bytes;
    for (size_t i = 0; i < batch.tokens.size(); ++i)
      if (i % width != 0) {
        const auto id = batch.tokens[i];
        if (id < 0 || static_cast<size_t>(id) >= counts.size())
          refuse_id(id, static_cast<int32_t>(counts.size()), set.source());
        bits -= std::log2((static_cast<double>(counts[static_cast<size_t>(id)]) + 1) / total);
      }
  }
  return bits / static_cast<double>(std::max<int64_t>(bytes, 1));
}

}  // namespace espalier
