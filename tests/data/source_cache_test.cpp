// Sources to shards: several shards, going on after an interruption, duplicates, held-out documents, labels, shards
// used in place.
#include "core/data/prepare/source_cache.h"
#include "core/base/json.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <ctime>
#include <map>
#include <set>

#include "core/data/shards/shard_manifest.h"
#include "core/data/shards/token_shard_writer.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using Catch::Matchers::Contains;
using Texts = std::vector<std::string>;

namespace {

Texts texts_of(const TokenShard& shard) {
  Texts texts;
  for (size_t d = 0; d < shard.num_documents(); ++d) {
    std::vector<int32_t> ids(shard.length(d));
    shard.copy(shard.offset(d), ids);
    CHECK(ids.back() == 256);
    ids.pop_back();
    texts.push_back(make_byte_tokenizer()->decode(ids));
  }
  return texts;
}

Texts some_documents(uint64_t seed, size_t count) {
  Texts documents;
  for (uint64_t i = 0; i < count; ++i) documents.push_back(random_words(seed * 100000 + i, 10 + i % 90));
  return documents;
}

// Every file of the cache that holds tokens or belongs to some, by what it ends with.
std::map<std::string, std::string> contents(const fs::path& cache, const std::string& source) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::directory_iterator(cache)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(source) && !name.ends_with(".index")) files[name] = read_file(entry.path(), ErrorCode::data);
  }
  return files;
}

// The byte tokenizer, counting texts; encoding fails at a given one, as if the process had died there.
class FailingTokenizer : public Tokenizer {
 public:
  int32_t vocab_size() const override { return bytes_->vocab_size(); }
  int32_t eos() const override { return bytes_->eos(); }
  std::string_view bytes(int32_t id) const override { return bytes_->bytes(id); }
  std::string fingerprint() const override { return bytes_->fingerprint(); }
  void save_hf(const fs::path& folder) const override { bytes_->save_hf(folder); }
  std::unique_ptr<Encoder> make_encoder() const override {
    struct Failing : Encoder {
      explicit Failing(const FailingTokenizer& of) : owner(of), inner(of.bytes_->make_encoder()) {}
      void encode(std::string_view text, std::vector<int32_t>& ids) override {
        if (text == owner.fatal) throw std::runtime_error("killed");
        ++owner.encoded;
        inner->encode(text, ids);
      }
      const FailingTokenizer& owner;
      std::unique_ptr<Encoder> inner;
    };
    return std::make_unique<Failing>(*this);
  }

  std::string fatal;
  mutable std::atomic<size_t> encoded{0};

 private:
  std::unique_ptr<Tokenizer> bytes_ = make_byte_tokenizer();
};

const PreparedSource& only(const PreparedData& data) {
  REQUIRE(data.sources.size() == 1);
  return data.sources[0];
}

}  // namespace

TEST_CASE("a source may be split into several shards", "[data][source_cache]") {
  const TempDir dir;
  const Texts documents = some_documents(1, 400);
  put(dir / "t/a.jsonl", json_lines({documents.begin(), documents.begin() + 150}));
  put(dir / "t/b.jsonl.gz", gzip(json_lines({documents.begin() + 150, documents.end()})));
  DataConfig config = byte_config(dir, {source("s", dir / "t")});
  config.shard_tokens = 1000;
  const PreparedData data = prepare_bytes(config);
  CHECK(texts_of(only(data).train) == documents);
  CHECK(only(data).train.num_files() > 15);
  CHECK(only(data).train_totals.documents == 400);
  for (const auto& entry : fs::directory_iterator(config.cache_dir))
    if (entry.path().extension() == ".bin") CHECK(fs::file_size(entry.path()) < 2 * (1000 + 101));
  SECTION("the bound is no part of what the shards are") {
    config.shard_tokens = int64_t{1} << 28;
    const PreparedData again = prepare_bytes(config);
    CHECK(only(again).train_key == only(data).train_key);
    CHECK(only(again).train.num_files() == only(data).train.num_files());
  }
  SECTION("a missing shard is made again with the others") {
    fs::path third = only(data).train.path();
    third = shard_stem(third.replace_extension(), 3).string() + ".bin";
    REQUIRE(fs::remove(third));
    CHECK(texts_of(only(prepare_bytes(config)).train) == documents);
    CHECK(fs::exists(third));
  }
}

TEST_CASE("an interrupted preparation goes on after its whole shards", "[data][source_cache]") {
  const TempDir dir;
  // 150,000 documents, so that several batches are written before the one that fails.
  Texts documents;
  for (int i = 0; i < 150000; ++i) documents.push_back("d" + std::to_string(i % 140000));
  put(dir / "t/a.jsonl", json_lines({documents.begin(), documents.begin() + 100000}));
  put(dir / "t/b.jsonl", json_lines({documents.begin() + 100000, documents.end()}) + "{\"text\":\"\"}\n");
  DataConfig config = byte_config(dir, {source("s", dir / "t")});
  config.shard_tokens = 100000;
  config.dedup = GENERATE("none", "exact");
  CAPTURE(config.dedup);
  FailingTokenizer tokenizer;
  prepare_sources(config, tokenizer, nullptr, 1);
  const auto whole = contents(config.cache_dir, "s.train");
  const size_t all = tokenizer.encoded;

  config.cache_dir = (dir / "other").string();
  tokenizer.fatal = "d139000";
  CHECK_THROWS_WITH(prepare_sources(config, tokenizer, nullptr, 1), "killed");
  const auto left = contents(config.cache_dir, "s.train");
  size_t shards = 0, partial = 0;
  for (const auto& [name, bytes] : left) {
    shards += name.ends_with(".idx") ? 1 : 0;
    partial += name.ends_with(".part.json") ? 1 : 0;
    if (!name.ends_with(".part.json")) CHECK((whole.contains(name) && whole.at(name) == bytes));
  }
  CHECK(shards > 2);
  CHECK(partial == 1);
  // What a process leaves that is killed in the middle of a shard.
  const std::string stale = left.begin()->first.substr(0, left.begin()->first.find('.', 8)) + ".00007.bin.tmp4711";
  put(fs::path(config.cache_dir) / stale, "half");

  tokenizer.fatal = "none";
  tokenizer.encoded = 0;
  const PreparedData data = prepare_sources(config, tokenizer, nullptr, 1);
  CHECK(tokenizer.encoded < all);
  CHECK(tokenizer.encoded > 0);
  CHECK(contents(config.cache_dir, "s.train") == whole);
  const auto& totals = only(data).train_totals;
  CHECK(totals.documents == (config.dedup == "none" ? 150000 : 140000));
  CHECK(totals.duplicates == (config.dedup == "none" ? 0 : 10000));
  CHECK(totals.empty == 1);
}

TEST_CASE("exact duplicates are left out, the first in the order of sources and files stays", "[data][source_cache]") {
  const TempDir dir;
  put(dir / "a/1.jsonl", json_lines({"one", "two", "one", "check"}));
  put(dir / "a/2.jsonl", json_lines({"three", "two", "held"}));
  put(dir / "b.jsonl", json_lines({"three", "four", "check", "four", "one"}));
  SourceConfig a = source("a", dir / "a"), b = source("b", dir / "b.jsonl");
  a.val = put(dir / "a.val.jsonl", json_lines({"check", "also", "check"})).string();
  b.val = put(dir / "b.val.jsonl", json_lines({"held"})).string();
  DataConfig config = byte_config(dir, {a, b});
  CHECK(prepare_bytes(config).sources[0].train_totals.documents == 7);  // not by default
  config.dedup = "exact";
  const auto check = [&](const PreparedData& data) {
    CHECK(texts_of(data.sources[0].train) == Texts{"one", "two", "three"});
    CHECK(data.sources[0].train_totals.duplicates == 2);
    CHECK(data.sources[0].train_totals.in_validation == 2);
    CHECK(texts_of(*data.sources[0].val) == Texts{"check", "also"});
    CHECK(data.sources[1].train_totals.in_validation == 1);
  };
  const PreparedData data = prepare_bytes(config);
  check(data);
  CHECK(texts_of(data.sources[1].train) == Texts{"four"});
  CHECK(data.sources[1].train_totals.duplicates == 3);
  SECTION("what is cached counts as seen") {
    check(prepare_bytes(config));
    put(dir / "b.jsonl", json_lines({"five", "two", "also"}));
    const PreparedData changed = prepare_bytes(config);
    check(changed);
    CHECK(texts_of(changed.sources[1].train) == Texts{"five"});
  }
  SECTION("a change of an earlier source changes the later ones") {
    put(dir / "a/2.jsonl", json_lines({"six"}));
    CHECK(texts_of(prepare_bytes(config).sources[1].train) == Texts{"three", "four"});
  }
  SECTION("a source of nothing but duplicates says so") {
    put(dir / "b.jsonl", json_lines({"one", "two"}));
    CHECK_THAT(error_of([&] { prepare_bytes(config); }).hint(), Contains("2 duplicates"));
  }
}

TEST_CASE("documents are held out by their content", "[data][source_cache]") {
  const TempDir dir;
  const Texts documents = some_documents(3, 1000);
  put(dir / "t/b.jsonl", json_lines(documents));
  SourceConfig s = source("s", dir / "t");
  const auto prepare = [&] { return prepare_bytes(byte_config(dir, {s})); };
  const auto as_set = [](const Texts& texts) { return std::set<std::string>(texts.begin(), texts.end()); };
  const bool by_number = GENERATE(false, true);
  if (by_number) s.val_documents = 100;
  if (!by_number) s.val_fraction = 0.1;
  const PreparedData data = prepare();
  const Texts train = texts_of(only(data).train), val = texts_of(*only(data).val);
  CHECK(train.size() + val.size() == 1000);
  CHECK((by_number ? val.size() == 100 : val.size() > 70 && val.size() < 130));
  std::set<std::string> both = as_set(train);
  both.merge(as_set(val));
  CHECK(both == as_set(documents));
  // The same documents in another order of files, with others added: those held out before still are, by fraction; by
  // number the new ones compete for the places.
  put(dir / "t/a.jsonl", json_lines(some_documents(4, 200)));
  const auto more = as_set(texts_of(*only(prepare()).val));
  size_t kept = 0;
  for (const auto& text : val) kept += more.contains(text) ? 1 : 0;
  CHECK((by_number ? kept > 60 && more.size() == 100 : kept == val.size()));
  // Another seed, another choice.
  DataConfig config = byte_config(dir, {s});
  config.val_seed = 1;
  CHECK(as_set(texts_of(*only(prepare_bytes(config)).val)) != more);
  s.val = "x";
  CHECK_THAT(error_of(prepare).message(), Contains("more than one of val"));
}

TEST_CASE("too small a share to hold out is an error", "[data][source_cache]") {
  const TempDir dir;
  SourceConfig s = source("s", put(dir / "a.jsonl", json_lines({"a", "b"})));
  s.val_fraction = 1e-9;
  CHECK_THAT(error_of([&] { prepare_bytes(byte_config(dir, {s})); }).message(), Contains("held out"));
  s.val_fraction = 0;
  s.val_documents = 3;
  CHECK_THAT(error_of([&] { prepare_bytes(byte_config(dir, {s})); }).message(), Contains("has 2 documents"));
}

TEST_CASE("documents that are left out are counted and the count is cached", "[data][source_cache]") {
  const TempDir dir;
  DataConfig config = byte_config(
      dir, {source("s", put(dir / "a.jsonl",
                            "{\"text\":\"a\"}\n{\"text\":\"\"}\n{\"text\":\"\xFF\"}\n{\"text\":\"b\"}\n"))});
  CHECK_THAT(error_of([&] { prepare_bytes(config); }).hint(), Contains("data.invalid_utf8"));
  config.invalid_utf8 = "skip";
  for (int i = 0; i < 2; ++i) {
    const PreparedData data = prepare_bytes(config);
    CHECK(texts_of(only(data).train) == Texts{"a", "b"});
    CHECK(only(data).train_totals.invalid == 1);
    CHECK(only(data).train_totals.empty == 1);
  }
  config.invalid_utf8 = "replace";
  CHECK(texts_of(only(prepare_bytes(config)).train) == Texts{"a", "\xEF\xBF\xBD", "b"});
}

TEST_CASE("languages and licences are kept beside the tokens and can be chosen", "[data][source_cache]") {
  const TempDir dir;
  SourceConfig s =
      source("s", put(dir / "a.jsonl",
                      "{\"text\":\"a\",\"lang\":\"en\",\"lic\":\"MIT\"}\n{\"text\":\"b\",\"lang\":\"de\"}\n"
                      "{\"text\":\"c\",\"lang\":\"en\",\"lic\":\"GPL\"}\n"));
  s.language_field = "lang";
  s.license_field = "lic";
  const PreparedData data = prepare_bytes(byte_config(dir, {s}));
  const auto& totals = only(data).train_totals;
  CHECK(totals.languages == std::map<std::string, uint64_t>{{"de", 1}, {"en", 2}});
  CHECK(totals.licenses == std::map<std::string, uint64_t>{{"", 1}, {"GPL", 1}, {"MIT", 1}});
  const std::string stem = fs::path(only(data).train.path()).replace_extension().string();
  const auto info = nlohmann::json::parse(read_file(stem + ".labels.json", ErrorCode::data));
  const std::string bytes = read_file(stem + ".labels", ErrorCode::data);
  std::vector<uint16_t> numbers(6);
  REQUIRE(bytes.size() == 18);  // a third column of labels, here without values
  std::memcpy(numbers.data(), bytes.data(), 12);
  Texts labels;
  for (size_t i = 0; i < 6; ++i) labels.push_back(info[i < 3 ? "language" : "license"][numbers[i]]);
  CHECK(labels == Texts{"en", "de", "en", "MIT", "", "GPL"});

  s.languages = {"en"};
  s.licenses = {"MIT", "BSD"};
  const PreparedData chosen = prepare_bytes(byte_config(dir, {s}));
  CHECK(texts_of(only(chosen).train) == Texts{"a"});
  CHECK(only(chosen).train_totals.filtered == 2);
}

TEST_CASE("Megatron shards that fit are used where they are", "[data][source_cache]") {
  const TempDir dir;
  const auto write = [&](const std::string& name, const std::vector<std::vector<int32_t>>& documents) {
    fs::create_directories(dir / "m");
    TokenShardWriter writer(dir / "m" / name, 257);
    for (const auto& document : documents) writer.append(document);
    writer.finish();
  };
  write("a", {{'a', 'b', 256}, {'c', 256}});
  write("b", {{'d', 256, 'e', 256}});
  const DataConfig config = byte_config(dir, {source("m", dir / "m")});
  const auto copies = [&] {
    return std::count_if(fs::directory_iterator(config.cache_dir), fs::directory_iterator(),
                         [](const auto& entry) { return entry.path().extension() == ".bin"; });
  };
  for (int i = 0; i < 2; ++i) {
    const PreparedData data = prepare_bytes(config);
    CHECK(only(data).train.path() == (dir / "m/a.bin").string());
    CHECK(only(data).train.num_documents() == 3);
    CHECK(only(data).train_totals.bytes == 5);
    CHECK(copies() == 0);
  }
  SECTION("a shard without end-of-text tokens is copied") {
    write("b", {{'d', 'e'}});
    const PreparedData data = prepare_bytes(config);
    CHECK(texts_of(only(data).train) == Texts{"ab", "c", "de"});
    CHECK(copies() == 1);
  }
  SECTION("a document without text is no document") {
    write("b", {{256}, {'d', 256}});
    CHECK(texts_of(only(prepare_bytes(config)).train) == Texts{"ab", "c", "d"});
  }
  SECTION("a token outside the vocabulary is named") {
    TokenShardWriter writer(dir / "m/b", 400);
    writer.append(std::vector<int32_t>{'a', 'b', 256});
    writer.append(std::vector<int32_t>{300, 256});
    writer.finish();
    const Error error = error_of([&] { prepare_bytes(config); });
    CHECK_THAT(error.message(), Contains("token 300 lies outside"));
    CHECK_THAT(error.place(), Contains("b.bin: token number 3"));
  }
  SECTION("choices among the documents need a copy") {
    DataConfig chosen = config;
    chosen.dedup = "exact";
    write("b", {{'a', 'b', 256}, {'z', 256}});
    CHECK(texts_of(only(prepare_bytes(chosen)).train) == Texts{"ab", "c", "z"});
    chosen.dedup = "none";
    chosen.sources[0].val_fraction = 0.5;
    chosen.val_seed = 3;
    const PreparedData data = prepare_bytes(chosen);
    CHECK(only(data).train.num_documents() + only(data).val->num_documents() == 4);
  }
}

TEST_CASE("a start with ten thousand shards takes less than two seconds", "[data][source_cache]") {
  const TempDir dir;
  {
    TokenShardWriter writer(dir / "one", 257);
    writer.append(std::vector<int32_t>{'a', 'b', 256});
    writer.append(std::vector<int32_t>{'c', 256});
    writer.finish();
  }
  const std::string idx = read_file(dir / "one.idx", ErrorCode::data),
                    bin = read_file(dir / "one.bin", ErrorCode::data);
  for (int i = 0; i < 10000; ++i) {
    put(dir / "m" / (std::to_string(i) + ".idx"), idx);
    put(dir / "m" / (std::to_string(i) + ".bin"), bin);
  }
  const DataConfig config = byte_config(dir, {source("m", dir / "m")});
  prepare_bytes(config);
  double fastest = 1e9;  // seconds of this process, as others may be using the machine
  for (int i = 0; i < 3; ++i) {
    const std::clock_t start = std::clock();
    const PreparedData data = prepare_bytes(config);
    CHECK(only(data).train.num_files() == 10000);
    CHECK(only(data).train.num_documents() == 20000);
    fastest = std::min(fastest, static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC);
  }
  INFO(fastest << " seconds");
  CHECK(fastest < 2);
}
