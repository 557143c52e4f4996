#include "core/data/shards/in_place.h"

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

#include "core/base/cpus.h"
#include "core/data/shards/token_ids.h"

namespace espalier {
namespace {

constexpr uint64_t kBlock = uint64_t{1} << 20;

bool documents_end_well(const TokenShard& shard, int32_t eos) {
  for (size_t d = 0; d < shard.num_documents(); ++d) {
    if (shard.length(d) < 2) return false;
    int32_t last = 0;
    shard.copy(shard.offset(d) + shard.length(d) - 1, {&last, 1});
    if (last != eos) return false;
  }
  return true;
}

// Bytes of text that the tokens from `first` on stand for.
uint64_t bytes_of(const TokenShard& shard, uint64_t first, std::vector<int32_t>& ids, const Tokenizer& tokenizer) {
  shard.copy(first, ids);
  const size_t bad = first_outside(ids, tokenizer.vocab_size());
  if (bad != ids.size()) refuse_id(ids[bad], tokenizer.vocab_size(), shard.place_of(first + bad));
  uint64_t bytes = 0;
  for (const int32_t id : ids) bytes += static_cast<uint64_t>(tokenizer.byte_length(id));
  return bytes;
}

}  // namespace

std::optional<ShardTotals> totals_if_usable(const TokenShard& shard, const Tokenizer& tokenizer) {
  if (shard.num_documents() == 0 || !documents_end_well(shard, tokenizer.eos())) return std::nullopt;
  ShardTotals totals;
  totals.documents = shard.num_documents();
  totals.tokens = shard.num_tokens();
  const uint64_t blocks = (totals.tokens + kBlock - 1) / kBlock;
  std::atomic<uint64_t> next{0}, bytes{0};
  const auto work = [&] {
    std::vector<int32_t> ids;
    for (uint64_t block = next++; block < blocks; block = next++) {
      const uint64_t first = block * kBlock;
      ids.resize(static_cast<size_t>(std::min(kBlock, totals.tokens - first)));
      bytes += bytes_of(shard, first, ids, tokenizer);
    }
  };
  std::vector<std::future<void>> running;
  const unsigned threads = static_cast<unsigned>(std::min<int64_t>(usable_cpus().threads, 16));
  for (unsigned i = 0; i < threads; ++i) running.push_back(std::async(std::launch::async, work));
  for (auto& worker : running) worker.get();
  totals.bytes = bytes;
  return totals;
}

}  // namespace espalier
