// Token shards: an index and its .bin, then the same .bin without an index (nanoGPT's and llm.c's forms).
#include "core/data/shards/megatron_index.h"
#include "core/data/shards/token_shard.h"
#include "fuzz/input.h"

using namespace espalier;

namespace {

void read_all(const TokenShard& shard) {
  uint64_t total = 0;
  std::vector<int32_t> ids;
  for (size_t d = 0; d < shard.num_documents(); ++d) {
    fuzz::require(shard.offset(d) == total, "documents follow each other");
    total += shard.length(d);
    fuzz::require(total <= shard.num_tokens(), "documents lie inside the shard");
    ids.resize(shard.length(d));
    shard.copy(shard.offset(d), ids);
  }
  fuzz::require(total == shard.num_tokens(), "documents fill the shard");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto parts = fuzz::parts_of(fuzz::text_of(bytes, size), 2);
  const auto idx = fuzz::put("m.idx", parts[0]);
  const auto bin = fuzz::put("m.bin", parts[1]);
  const auto alone = fuzz::put("alone.bin", parts[1]);
  fuzz::survives([&] { read_all(TokenShard::open(bin, 9)); });
  fuzz::survives([&] { read_all(TokenShard::open(alone, 9)); });
  fuzz::survives([&] {
    const MegatronIndex index = MegatronIndex::read(idx);
    const auto again = MegatronIndex::read(fuzz::put("again.idx", index.serialize()));
    fuzz::require(again.offsets == index.offsets && again.token_width == index.token_width,
                  "an index reads back as it was written");
  });
  return 0;
}
