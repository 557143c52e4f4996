// Prepared data that was damaged on disk: found before it is used, with its shard and token, or made again; never used.
#include <sys/stat.h>

#include <map>

#include "core/base/json.h"
#include "core/data/prepare/cache_file.h"
#include "core/data/shards/shard_manifest.h"
#include "core/data/shards/shard_set_writer.h"
#include "core/data/shards/shard_sums.h"
#include "core/data/shards/token_ids.h"
#include "core/data/shards/token_shard_writer.h"
#include "core/data/stream/unigram.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using Catch::Matchers::Contains;
using Ids = std::vector<int32_t>;

namespace {

Ids tokens_of(const TokenShard& shard) {
  Ids ids(shard.num_tokens());
  shard.copy(0, ids);
  return ids;
}

// Everything that training would see.
std::vector<Ids> everything(const DataConfig& config, DifficultyScorer* scorer = nullptr) {
  const PreparedData data = prepare_bytes(config, scorer, scorer == nullptr ? 1 : 3);
  std::vector<Ids> all;
  for (const auto& source : data.sources) {
    all.push_back(tokens_of(source.train));
    if (source.val) all.push_back(tokens_of(*source.val));
    for (size_t d = 0; d < source.train.num_documents(); ++d)
      all.back().push_back(static_cast<int32_t>(source.train.length(d)));
    all.emplace_back(source.tiers.begin(), source.tiers.end());
    const auto& totals = source.train_totals;
    all.push_back({static_cast<int32_t>(totals.bytes), static_cast<int32_t>(totals.tokens),
                   static_cast<int32_t>(totals.duplicates), static_cast<int32_t>(totals.filtered)});
  }
  return all;
}

std::map<std::string, std::string> files_of(const fs::path& folder) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(folder))
    if (entry.path().filename() != ".lock")
      files[entry.path().filename().string()] = read_file(entry.path(), ErrorCode::data);
  return files;
}

void flip_bit(const fs::path& path, size_t at, int bit) {
  std::string bytes = read_file(path, ErrorCode::data);
  bytes[at] = static_cast<char>(bytes[at] ^ 1 << bit);
  put(path, bytes);
}

// A bit of each file of the cache, in turn, at several places: `use` finds it, or is not misled by it.
void flip_everywhere(const fs::path& cache, const std::function<std::vector<Ids>()>& use) {
  const auto good = use();
  const auto whole = files_of(cache);
  REQUIRE(whole.size() > 2);
  size_t found = 0;
  for (const auto& [name, bytes] : whole)
    for (uint64_t round = 0; round < 3 && !bytes.empty(); ++round) {
      const Rng rng(round, name);
      const size_t at = rng.below(bytes.size(), 0);
      INFO(name << " at byte " << at);
      flip_bit(cache / name, at, static_cast<int>(rng.below(8, 1)));
      try {
        const auto now = use();  // outside of CHECK, which would keep what is thrown
        CHECK(now == good);
      } catch (const Error& error) {
        ++found;
        CHECK(error.code() == ErrorCode::data);
        CHECK_THAT(error.place(), Contains(cache.string()));
        CHECK_FALSE(error.hint().empty());
      }
      for (const auto& [other, content] : files_of(cache))
        if (!whole.contains(other))
          fs::remove(cache / other);
        else if (whole.at(other) != content)
          put(cache / other, whole.at(other));
    }
  CHECK(found > 5);
}

}  // namespace

TEST_CASE("a flipped bit anywhere in the cache is found or made good", "[data][checked]") {
  const TempDir dir;
  DataConfig config = random_config(dir, 5, {16, 6}, 120);
  config.shard_tokens = 500;
  config.sources[0].val_documents = 3;
  SECTION("with scores") {
    FunctionScorer scorer([](std::string_view text) { return static_cast<float>(text.size()); });
    flip_everywhere(config.cache_dir, [&] { return everything(config, &scorer); });
  }
  SECTION("with duplicates removed") {
    config.dedup = "exact";
    flip_everywhere(config.cache_dir, [&] { return everything(config); });
  }
}

TEST_CASE("a damaged token is named with its shard before it is used", "[data][checked]") {
  const TempDir dir;
  const DataConfig config = random_config(dir, 6, {300}, 2000);
  const fs::path bin = prepare_bytes(config).sources[0].train.path();
  const auto size = fs::file_size(bin);
  REQUIRE(size > 3 * ShardSums::kBlockBytes);
  const size_t block = 2;
  flip_bit(bin, block * ShardSums::kBlockBytes + 100, 3);
  const PreparedData data = prepare_bytes(config);
  const TokenShard& shard = data.sources[0].train;
  const uint64_t in_block = ShardSums::kBlockBytes / 2;
  Ids ids(10);
  shard.copy(block * in_block - 10, ids);  // right before
  shard.copy((block + 1) * in_block, ids);
  for (const uint64_t first : {block * in_block - 1, block * in_block, (block + 1) * in_block - 10}) {
    const Error error = error_of([&] { shard.copy(first, ids); });
    CHECK(error.code() == ErrorCode::data);
    CHECK_THAT(error.message(), Contains("not as they were written"));
    CHECK_THAT(error.place(), Contains(bin.string()) && Contains(std::to_string(first)));
  }
}

TEST_CASE("a damaged file of hashes does not let duplicates through", "[data][checked]") {
  const TempDir dir;
  const std::vector<std::string> documents{"one", "two", "three"};
  DataConfig config = byte_config(dir, {source("a", put(dir / "a.jsonl", json_lines(documents))),
                                        source("b", put(dir / "b.jsonl", json_lines({"one", "four"})))});
  config.dedup = "exact";
  CHECK(prepare_bytes(config).sources[1].train.num_documents() == 1);
  const auto files = files_of(config.cache_dir);
  size_t damaged = 0;
  for (const auto& [name, bytes] : files) {
    if (!name.starts_with("a.") || !name.ends_with(".hashes")) continue;
    for (const size_t at : {size_t{0}, bytes.size() / 2, bytes.size() - 1}) {
      flip_bit(fs::path(config.cache_dir) / name, at, 0);
      put(dir / "b.jsonl", json_lines({"one", "two", "new " + std::to_string(at)}));
      const Error error = error_of([&] { prepare_bytes(config); });
      CHECK(error.code() == ErrorCode::data);
      CHECK_THAT(error.place(), Contains(".hashes"));
      put(fs::path(config.cache_dir) / name, bytes);
      CHECK(prepare_bytes(config).sources[1].train.num_documents() == 1);
      ++damaged;
    }
    put(fs::path(config.cache_dir) / name, "");
    put(dir / "b.jsonl", json_lines({"one", "other"}));
    CHECK_THAT(error_of([&] { prepare_bytes(config); }).place(), Contains(".hashes"));
  }
  CHECK(damaged == 3);
}

TEST_CASE("ids outside of the vocabulary are refused wherever they index", "[data][checked]") {
  const TempDir dir;
  for (const int32_t id : {500, 499999, -1, INT32_MIN, INT32_MAX}) {
    TokenShardWriter writer(dir / "wide", 1000000);
    writer.append(Ids{1, 2, 3});
    writer.append(Ids{4, id, 5});
    writer.finish();
    ShardChecks checks;
    checks.vocab_size = 500;
    const TokenShard shard = TokenShard::open_indexed({dir / "wide.bin"}, dir / "wide.index", checks);
    Ids ids(3);
    shard.copy(0, ids);
    CHECK(ids == Ids{1, 2, 3});
    const Error error = error_of([&] { shard.copy(3, ids); });
    CHECK(error.code() == ErrorCode::data);
    CHECK_THAT(error.message(), Contains(std::to_string(id)) && Contains("500"));
    CHECK_THAT(error.place(), Contains("wide.bin: token number 4"));
    const Error counted = error_of([&] { count_tokens(TokenShard::open(dir / "wide.bin", 0), 500); });
    CHECK_THAT(counted.place(), Contains("wide.bin: token number 4"));
    CHECK(first_outside(Ids{1, 499, id}, 500) == 2);
    CHECK(make_byte_tokenizer()->decode(Ids{'a', 600 > id && id >= 0 ? 600 : id, 'b'}) ==
          "a\xEF\xBF\xBD"
          "b");
  }
  CHECK(first_outside(Ids{0, 499}, 500) == 2);
}

TEST_CASE("a shard that becomes shorter while it is read is named", "[data][checked]") {
  const TempDir dir;
  const DataConfig config = random_config(dir, 7, {40}, 2000);
  const PreparedData data = prepare_bytes(config);
  const TokenShard& shard = data.sources[0].train;
  Ids ids(5);
  fs::resize_file(shard.path(), 100);
  for (int i = 0; i < 2; ++i) {
    const Error error = error_of([&] { shard.copy(shard.num_tokens() - 5, ids); });
    CHECK(error.code() == ErrorCode::data);
    CHECK_THAT(error.message(), Contains("shorter"));
    CHECK_THAT(error.place(), Contains(shard.path()) && Contains("token number"));
  }
  CHECK(error_of([&] { prepare_bytes(config); }).code() == ErrorCode::data);
}

TEST_CASE("shards used in place are held against what they were", "[data][checked]") {
  const TempDir dir;
  fs::create_directories(dir / "m");
  for (const char* name : {"a", "b"}) {
    TokenShardWriter writer(dir / "m" / name, 257);
    for (int i = 0; i < 20; ++i) writer.append(Ids{'a' + i, 256});
    writer.finish();
  }
  const DataConfig config = byte_config(dir, {source("m", dir / "m")});
  const PreparedData data = prepare_bytes(config);
  CHECK(tokens_of(data.sources[0].train).size() == 80);
  // A bit that flips under the same stamp cannot be had in a test, so what the bytes should be is changed instead.
  const fs::path stem = data.sources[0].train_stem;
  auto sums = read_sums(stem, 2);
  sums[1].blocks[0] ^= 1;
  write_sums(stem, sums);
  const PreparedData again = prepare_bytes(config);
  Ids ids(40);
  again.sources[0].train.copy(0, ids);
  const Error error = error_of([&] { again.sources[0].train.copy(40, ids); });
  CHECK_THAT(error.place(), Contains("b.bin: token number 0"));
  fs::remove(sums_path(stem));
  CHECK(tokens_of(prepare_bytes(config).sources[0].train).size() == 80);  // they are made again
}

TEST_CASE("a damaged tokenizer of the cache is trained again", "[data][checked]") {
  const TempDir dir;
  DataConfig config = random_config(dir, 1, {40}, 400);
  config.tokenizer = "bpe";
  config.vocab_size = 400;
  const std::string expected = make_tokenizer(config)->fingerprint();
  for (const auto& [name, bytes] : files_of(config.cache_dir)) {
    if (!name.starts_with("tokenizer.")) continue;
    for (uint64_t round = 0; round < 3; ++round) {
      const fs::path path = fs::path(config.cache_dir) / name;
      flip_bit(path, Rng(round, name).below(bytes.size(), 0), 1);
      CHECK(make_tokenizer(config)->fingerprint() == expected);
      CHECK(read_file(path, ErrorCode::data) == bytes);
    }
  }
  const fs::path file = dir / "kept";
  write_cache_file(file, "contents");
  CHECK(read_cache_file(file) == "contents");
  fs::remove(file.string() + ".sum");
  CHECK_FALSE(read_cache_file(file));
}

TEST_CASE("what an earlier version prepared is prepared again under the same name", "[data][checked]") {
  const TempDir dir;
  const DataConfig config = random_config(dir, 3, {20});
  const auto good = everything(config);
  const auto whole = files_of(config.cache_dir);
  for (const auto& [name, bytes] : whole) {
    if (name.ends_with(".sums")) fs::remove(fs::path(config.cache_dir) / name);
    if (!name.ends_with(".json") || name == "files.json") continue;
    auto old = open_sealed_json(bytes).value();
    old["format"] = 1;
    put(fs::path(config.cache_dir) / name, old.dump(1));
  }
  CHECK(everything(config) == good);
  auto again = files_of(config.cache_dir);
  for (const auto& [name, bytes] : whole)
    if (!name.ends_with(".index") && name != "files.json") CHECK(again[name] == bytes);
}

TEST_CASE("a pipe is no source, and is not waited for", "[data][checked]") {
  const TempDir dir;
  const fs::path pipe = dir / "pipe.jsonl";
  REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  for (const fs::path& path : {pipe, fs::path("/dev/zero")}) {
    const Error error = error_of([&] { prepare_bytes(byte_config(dir, {source("s", path)})); });
    CHECK(error.code() == ErrorCode::data);
    CHECK(error.place() == path.string());
    CHECK_THAT(error.message(), Contains("not a file"));
  }
  DataConfig config = random_config(dir, 3, {5});
  config.tokenizer = pipe.string();
  CHECK(error_of([&] { make_tokenizer(config); }).place() == pipe.string());
}

TEST_CASE("a manifest whose counts are no whole numbers is not used, sealed or not", "[data][checked]") {
  const TempDir dir;
  const fs::path stem = dir / "s";
  ShardManifest manifest;
  manifest.totals.documents = 3;
  manifest.in_place = true;
  put(sums_path(stem), "x");
  write_manifest(stem, manifest);
  REQUIRE(read_manifest(stem));
  const fs::path file = stem.string() + ".json";
  const nlohmann::json good = *open_sealed_json(read_file(file, ErrorCode::data));
  for (const char* key : {"documents", "tokens", "bytes", "duplicates", "shards"})
    for (const char* value : {"30021305032975232130503297", "2.5", "-1", "\"3\"", "null"}) {
      INFO(key << " = " << value);
      nlohmann::json bad = good;
      bad[key] = own_json(value);
      put(file, sealed_json(bad));
      CHECK_FALSE(read_manifest(stem));
    }
}
