// Damaged input of every kind: reading it gives an Error or valid contents, never anything else.
#include <algorithm>

#include "core/base/text.h"
#include "core/data/shards/token_shard.h"
#include "core/data/shards/token_shard_writer.h"
#include "core/data/text/document_reader.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;

namespace {

constexpr uint64_t kRounds = 400;

// One to four changes: bytes flipped, cut out, put in, repeated, or the end cut off.
std::string damaged(std::string bytes, uint64_t round) {
  const Rng rng(round, "test.damage");
  const uint64_t changes = 1 + rng.below(4, 0);
  for (uint64_t c = 1; c <= changes && !bytes.empty(); ++c) {
    const size_t at = rng.below(bytes.size(), c, 1);
    const size_t count = std::min<size_t>(bytes.size() - at, 1 + rng.below(16, c, 2));
    switch (rng.below(6, c, 3)) {
      case 0:
        bytes[at] = static_cast<char>(rng.below(256, c, 4));
        break;
      case 1:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << rng.below(8, c, 4)));
        break;
      case 2:
        bytes.erase(at, count);
        break;
      case 3:
        bytes.insert(at, count, static_cast<char>(rng.below(256, c, 4)));
        break;
      case 4:
        bytes.insert(at, bytes.substr(at, count));
        break;
      default:
        bytes.resize(at);
    }
  }
  return bytes;
}

// Whether `action` went through; false after an Error(data) with place.
bool survives(const std::function<void()>& action) {
  try {
    action();
    return true;
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::data);
    CHECK_FALSE(error.place().empty());
    return false;
  }
}

void read_shard(const fs::path& bin) {
  const TokenShard shard = TokenShard::open(bin, 256);
  uint64_t total = 0;
  std::vector<int32_t> ids;
  for (size_t d = 0; d < shard.num_documents(); ++d) {
    REQUIRE(shard.offset(d) == total);
    total += shard.length(d);
    REQUIRE(total <= shard.num_tokens());
    ids.resize(shard.length(d));
    shard.copy(shard.offset(d), ids);
  }
  REQUIRE(total == shard.num_tokens());
}

}  // namespace

TEST_CASE("damaged text files give errors or text", "[data][fuzz]") {
  const TempDir dir;
  std::vector<std::string> documents;
  for (uint64_t i = 0; i < 12; ++i) documents.push_back(random_unicode(i, 40));
  const std::string lines = json_lines(documents) + "{\"text\":\"\\ud83d\\ude00\",\"license\":[1,{\"a\":null}]}\n";
  std::string plain;
  for (const auto& document : documents) plain += document + "\n<|endoftext|>\n";
  size_t passed = 0, failed = 0;
  for (const auto& [name, bytes] :
       {std::pair{"a.jsonl", lines}, {"b.jsonl", gzip(lines)}, {"c.jsonl", zstd(lines)}, {"d.txt", plain}}) {
    for (uint64_t round = 0; round < kRounds; ++round) {
      const fs::path path = put(dir / name, damaged(bytes, round));
      for (const auto policy : {InvalidUtf8::error, InvalidUtf8::replace, InvalidUtf8::skip}) {
        DocumentOptions options;
        options.invalid_utf8 = policy;
        options.license_field = "license";
        options.max_bytes = 1 << 16;
        const bool good = survives([&] {
          const auto reader = open_documents(path, options);
          for (std::string text; reader->next(text);) {
            REQUIRE_FALSE(text.empty());
            REQUIRE(find_invalid_utf8(text) == std::string::npos);
          }
        });
        ++(good ? passed : failed);
      }
    }
  }
  CHECK(passed > 100);  // the damage is neither always nor never seen
  CHECK(failed > 1000);
}

TEST_CASE("damaged token shards give errors or tokens inside the file", "[data][fuzz]") {
  const TempDir dir;
  {
    TokenShardWriter writer(dir / "good", 257);
    const Rng rng(1, "test.ids");
    for (uint64_t d = 0; d < 20; ++d) {
      std::vector<int32_t> ids(1 + rng.below(30, d));
      for (size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<int32_t>(rng.below(257, i, d + 1));
      writer.append(ids);
    }
    writer.finish();
  }
  const std::string idx = read_file(dir / "good.idx", ErrorCode::data),
                    bin = read_file(dir / "good.bin", ErrorCode::data);
  size_t failed = 0;
  for (uint64_t round = 0; round < kRounds; ++round) {
    put(dir / "m.idx", damaged(idx, round));
    put(dir / "m.bin", round % 4 == 0 ? damaged(bin, round + 1000) : bin);
    failed += survives([&] { read_shard(dir / "m.bin"); }) ? 0 : 1;
    put(dir / "nano.bin", damaged(bin, round));
    survives([&] { read_shard(dir / "nano.bin"); });
    int32_t header[256] = {20240520, 1, static_cast<int32_t>(bin.size() / 2)};
    const std::string llmc(reinterpret_cast<const char*>(header), sizeof(header));
    put(dir / "llmc.bin", llmc + bin);
    if (round == 0) REQUIRE(survives([&] { read_shard(dir / "llmc.bin"); }));
    put(dir / "llmc.bin", damaged(llmc + bin, round));
    survives([&] { read_shard(dir / "llmc.bin"); });
  }
  CHECK(failed > kRounds / 2);
}
