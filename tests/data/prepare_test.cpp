#include "core/data/prepare/prepare.h"

#include <atomic>
#include <map>
#include <thread>

#include "core/base/json.h"
#include "core/data/shards/token_shard_writer.h"
#include "core/data/text/file_hashes.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using Catch::Matchers::Contains;

namespace {

std::vector<std::string> texts_of(const TokenShard& shard) {
  std::vector<std::string> texts;
  for (size_t d = 0; d < shard.num_documents(); ++d) {
    std::vector<int32_t> ids(shard.length(d));
    shard.copy(shard.offset(d), ids);
    CHECK(ids.back() == 256);
    ids.pop_back();
    texts.push_back(make_byte_tokenizer()->decode(ids));
  }
  return texts;
}

// When each file of a folder was last written.
std::map<std::string, fs::file_time_type> written(const fs::path& folder) {
  std::map<std::string, fs::file_time_type> files;
  for (const auto& entry : fs::directory_iterator(folder))
    files[entry.path().filename().string()] = entry.last_write_time();
  return files;
}

}  // namespace

TEST_CASE("prepared shards hold the documents of all files in order", "[data][prepare]") {
  const TempDir dir;
  std::vector<std::string> many;
  for (uint64_t i = 0; i < 300; ++i) many.push_back(random_words(i, 1 + i));
  put(dir / "text/a.jsonl.gz", gzip(json_lines(many)));
  put(dir / "text/b.txt", "plain\ntext");
  put(dir / "more.txt", "more");
  SourceConfig config = source("mixed", dir / "text");
  config.paths = {(dir / "more.txt").string()};
  config.val = put(dir / "val.txt", "check").string();
  const PreparedData data = prepare_bytes(byte_config(dir, {config}));
  many.push_back("plain\ntext");
  many.push_back("more");
  const auto& prepared = data.sources.at(0);
  CHECK(texts_of(prepared.train) == many);
  CHECK(texts_of(*prepared.val) == std::vector<std::string>{"check"});
  CHECK(prepared.train_totals.documents == many.size());
  CHECK(prepared.train_totals.tokens == prepared.train_totals.bytes + many.size());
  CHECK(data.tiers.size() == 1);
  CHECK(data.tiers[0].tokens == prepared.train_totals.tokens);
}

TEST_CASE("prepared data is used again while text, tokenizer and scorer are the same", "[data][prepare]") {
  const TempDir dir;
  const DataConfig config = random_config(dir, 1, {20, 10});
  FunctionScorer scorer([](std::string_view text) { return static_cast<float>(text.size()); }, true);
  prepare_bytes(config, &scorer, 2);
  CHECK(scorer.scored == 30);
  CHECK(scorer.fitted == 30);
  CHECK(scorer.fits == 1);
  const auto before = written(config.cache_dir);

  prepare_bytes(config, &scorer, 3);
  CHECK(scorer.scored == 30);
  CHECK(written(config.cache_dir) == before);

  SECTION("touching a file without changing it makes nothing new") {
    put(dir / "s0.jsonl", read_file(dir / "s0.jsonl", ErrorCode::data));
    prepare_bytes(config, &scorer, 2);
    CHECK(scorer.scored == 30);
    CHECK(written(config.cache_dir).size() == before.size());
  }
  SECTION("changed text makes a new shard, and a fitted scorer starts over") {
    put(dir / "s0.jsonl", json_lines({"other text"}));
    const PreparedData data = prepare_bytes(config, &scorer, 2);
    CHECK(texts_of(data.sources[0].train) == std::vector<std::string>{"other text"});
    CHECK(scorer.fits == 2);
    CHECK(scorer.scored == 30 + 11);
  }
  SECTION("another scorer has its own scores") {
    scorer.name = R"({"id":"test","version":"2"})";
    prepare_bytes(config, &scorer, 2);
    CHECK(scorer.scored == 60);
  }
  SECTION("a damaged shard is named") {
    for (const auto& [name, time] : before)
      if (name.starts_with("s0.train") && name.ends_with(".bin")) put(fs::path(config.cache_dir) / name, "abc");
    CHECK(error_of([&] { prepare_bytes(config); }).code() == ErrorCode::data);
  }
  SECTION("a missing half is made again") {
    for (const auto& [name, time] : before)
      if (name.starts_with("s0.train") && name.ends_with(".idx")) fs::remove(fs::path(config.cache_dir) / name);
    CHECK(prepare_bytes(config).sources[0].train.num_documents() == 20);
  }
}

TEST_CASE("the trained tokenizer is cached with its settings", "[data][prepare]") {
  const TempDir dir;
  DataConfig config = random_config(dir, 1, {40}, 400);
  config.tokenizer = "sentencepiece";
  config.vocab_size = 400;
  const auto first = make_tokenizer(config);
  const auto before = written(config.cache_dir);
  CHECK(make_tokenizer(config)->fingerprint() == first->fingerprint());
  CHECK(written(config.cache_dir) == before);
  config.vocab_size = 380;
  CHECK(make_tokenizer(config)->fingerprint() != first->fingerprint());
  const PreparedData data = prepare_sources(config, *first, nullptr, 4);
  CHECK(data.sources[0].train_totals.tokens < data.sources[0].train_totals.bytes);
  CHECK(data.tiers.size() == 1);  // without a scorer there are no tiers
  config.tokenizer = "byte";
  CHECK(make_tokenizer(config)->vocab_size() == 257);
  config.tokenizer = (dir / "missing").string();
  CHECK(error_of([&] { make_tokenizer(config); }).code() == ErrorCode::data);
}

TEST_CASE("foreign token shards become sources", "[data][prepare]") {
  const TempDir dir;
  TokenShardWriter writer(dir / "megatron", 257);
  writer.append(std::vector<int32_t>{'a', 'b', 256});
  writer.append(std::vector<int32_t>{'c'});  // written without --append-eod
  writer.finish();
  const uint16_t raw[] = {256, 'x', 'y', 256, 'z'};
  put(dir / "nano.bin", {reinterpret_cast<const char*>(raw), sizeof(raw)});
  const PreparedData data =
      prepare_bytes(byte_config(dir, {source("m", dir / "megatron.bin"), source("n", dir / "nano.bin")}));
  CHECK(texts_of(data.sources[0].train) == std::vector<std::string>{"ab", "c"});
  CHECK(texts_of(data.sources[1].train) == std::vector<std::string>{"xy", "z"});
  CHECK(data.sources[1].train_totals.bytes == 3);

  const uint16_t outside[] = {'x', 300};
  put(dir / "bad.bin", {reinterpret_cast<const char*>(outside), sizeof(outside)});
  const Error error = error_of([&] { prepare_bytes(byte_config(dir, {source("b", dir / "bad.bin")})); });
  CHECK_THAT(error.message(), Contains("token 300 lies outside"));
  DataConfig config = byte_config(dir, {source("n", dir / "nano.bin")});
  config.tokenizer = "sentencepiece";
  CHECK_THAT(error_of([&] { make_tokenizer(config); }).message(), Contains("no text to train a tokenizer on"));
}

TEST_CASE("sources without text are errors that leave nothing half made", "[data][prepare]") {
  const TempDir dir;
  const DataConfig empty = byte_config(dir, {source("e", put(dir / "e.jsonl", "\n\n{\"text\":\"\"}\n"))});
  CHECK_THAT(error_of([&] { prepare_bytes(empty); }).message(), Contains("\"e\" holds no text"));
  const DataConfig bad = byte_config(dir, {source("b", put(dir / "b.jsonl", json_lines({"good"}) + "{"))});
  CHECK_THAT(error_of([&] { prepare_bytes(bad); }).place(), Contains("b.jsonl:2"));
  for (const auto& [name, time] : written(dir / "cache")) CHECK((name == "files.json" || name == ".lock"));
  CHECK_THAT(error_of([&] { prepare_bytes(byte_config(dir, {source("m", dir / "none")})); }).place(), Contains("none"));
}

TEST_CASE("of several that prepare the same data at once, one does the work", "[data][prepare]") {
  const TempDir dir;
  const DataConfig config = random_config(dir, 1, {200});
  struct Counting : FunctionScorer {
    Counting() : FunctionScorer([](std::string_view) { return 0.0f; }) {}
    std::vector<float> score(const DocBatch& docs) override {  // no assertions here: Catch's are for one thread
      scored += docs.count();
      return std::vector<float>(docs.count(), 1.0f);
    }
  };
  std::atomic<size_t> scored{0}, documents{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      Counting scorer;
      documents += prepare_sources(config, *make_byte_tokenizer(), &scorer, 2).sources[0].train.num_documents();
      scored += scorer.scored;
    });
  for (auto& thread : threads) thread.join();
  CHECK(documents == 800);
  CHECK(scored == 200);
}

TEST_CASE("unchanged files are not hashed again", "[data][prepare]") {
  const TempDir dir;
  const auto path = put(dir / "a.txt", "abc");
  FileHashes hashes(dir.path());
  const std::string expected = sha256_bytes("abc");
  CHECK(hashes.sha256(path) == expected);
  hashes.save();
  // A forged entry for the same stamp shows that the file itself is not read.
  auto index = open_sealed_json(read_file(dir / "files.json", ErrorCode::data)).value();
  for (auto& [file, entry] : index.items()) entry["sha256"] = std::string(64, 'f');
  put(dir / "files.json", sealed_json(index));
  CHECK(FileHashes(dir.path()).sha256(path) == std::string(64, 'f'));
  // One that is not sealed is damaged, and nothing in it is believed.
  put(dir / "files.json", index.dump());
  CHECK(FileHashes(dir.path()).sha256(path) == expected);
  put(path, "abcd");
  CHECK(FileHashes(dir.path()).sha256(path) == sha256_bytes("abcd"));
  put(dir / "files.json", "{ broken");
  CHECK(FileHashes(dir.path()).sha256(path) == sha256_bytes("abcd"));
}
