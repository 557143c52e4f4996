// A tier file, JSON lines or CSV, for two sources of a few documents.
#include "core/data/difficulty/tier_file.h"
#include "core/data/shards/token_shard_writer.h"
#include "core/data/tokenizer/byte_tokenizer.h"
#include "fuzz/input.h"

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  static const auto tokenizer = make_byte_tokenizer();
  static const TokenShard shard = [] {
    TokenShardWriter writer(fuzz::scratch() / "docs", 257);
    for (const char* text : {"one", "two", "three"}) writer.append(tokenizer->encode(text), 256);
    writer.finish();
    return TokenShard::open(fuzz::scratch() / "docs.bin", 256);
  }();
  std::vector<ScoredShard> shards(2);
  shards[0].source = "a";
  shards[1].source = "b";
  for (auto& each : shards) each.shard = &shard;
  const auto path = fuzz::put("tiers", fuzz::text_of(bytes, size));
  fuzz::survives([&] {
    const auto tiers = read_tier_file(path, shards, *tokenizer, 3);
    fuzz::require(tiers.size() == 2, "every source has tiers");
    for (const auto& source : tiers) {
      fuzz::require(source.size() == 3, "every document has a tier");
      for (const uint8_t tier : source) fuzz::require(tier < 3, "tiers lie in their range");
    }
  });
  return 0;
}
