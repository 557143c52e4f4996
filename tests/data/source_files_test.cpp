// Folders of mixed files as sources, and plain text whose tail is held out.
#include "core/data/prepare/source_files.h"

#include <sys/stat.h>

#include "core/data/shards/token_shard_writer.h"
#include "core/data/text/text_tail.h"
#include "core/data/tokenizer/bpe_training.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using namespace std::string_literals;
using Catch::Matchers::Contains;
using Texts = std::vector<std::string>;

namespace {

Texts texts_of(const TokenShard& shard) {
  Texts texts;
  for (size_t d = 0; d < shard.num_documents(); ++d) {
    std::vector<int32_t> ids(shard.length(d));
    shard.copy(shard.offset(d), ids);
    ids.pop_back();
    texts.push_back(make_byte_tokenizer()->decode(ids));
  }
  return texts;
}

Texts train_texts(const DataConfig& config) {
  return texts_of(prepare_bytes(config).sources.at(0).train);
}

// Paragraphs of a few hundred bytes with blank lines between.
std::string book(size_t bytes) {
  std::string text;
  for (uint64_t i = 0; text.size() < bytes; ++i) text += random_words(i, 100 + i % 400) + "\n\n";
  return text;
}

}  // namespace

TEST_CASE("links to files and folders are followed, each folder once", "[data][source_files]") {
  const TempDir dir;
  put(dir / "real/a.txt", "linked folder");
  put(dir / "one.txt", "linked file");
  put(dir / "corpus/z.txt", "plain");
  fs::create_directory_symlink(dir / "real", dir / "corpus/folder");
  fs::create_symlink(dir / "one.txt", dir / "corpus/file.txt");
  fs::create_directory_symlink(dir / "corpus", dir / "corpus/loop");
  CHECK(train_texts(byte_config(dir, {source("s", dir / "corpus")})) == Texts{"linked file", "linked folder", "plain"});
  SECTION("a link to nothing is named") {
    fs::create_symlink(dir / "gone", dir / "corpus/dangling");
    DataConfig config = byte_config(dir, {source("s", dir / "corpus")});
    const Error error = error_of([&] { prepare_bytes(config); });
    CHECK_THAT(error.message(), Contains("link to nothing"));
    CHECK_THAT(error.place(), Contains("dangling"));
    config.unusable_files = "skip";
    CHECK(train_texts(config).size() == 3);
    CHECK_THAT(error_of([&] { list_files(dir / "corpus/dangling"); }).message(), Contains("link to nothing"));
  }
  SECTION("a pipe is not waited for") {
    REQUIRE(::mkfifo((dir / "corpus/pipe").c_str(), 0600) == 0);
    CHECK_THAT(error_of([&] { list_files(dir / "corpus"); }).message(), Contains("pipe"));
    CHECK(list_files(dir / "corpus", true).size() == 3);
    const DataConfig config = byte_config(dir, {source("s", dir / "corpus/pipe")});
    CHECK_THAT(error_of([&] { prepare_bytes(config); }).message(), Contains("pipe"));
  }
}

TEST_CASE("files of a folder that cannot be used stop the run or are left out", "[data][source_files]") {
  const TempDir dir;
  put(dir / "f/a.txt", "good");
  put(dir / "f/_SUCCESS", "");
  put(dir / "f/b.jsonl.gz", gzip(""));
  DataConfig config = byte_config(dir, {source("s", dir / "f")});
  const auto bad = GENERATE("c.bin", "d.tar.gz", "e.txt");
  const std::string name = bad;
  // Ids outside the vocabulary, an archive by its magic, a Git LFS pointer.
  if (name == "c.bin") put(dir / "f" / name, std::string(64, '\x7E') + "\xFF\xFF"s);
  if (name == "d.tar.gz") put(dir / "f" / name, gzip("PK\x03\x04"));
  if (name == "e.txt") put(dir / "f" / name, "version https://git-lfs.github.com/spec/v1\noid sha256:12\nsize 4\n");
  INFO(name);
  const Error error = error_of([&] { prepare_bytes(config); });
  CHECK(error.code() == ErrorCode::data);
  CHECK_THAT(error.place(), Contains(name));
  config.unusable_files = "skip";
  CHECK(train_texts(config) == Texts{"good"});
  // What a path names is never left out.
  config.sources[0].paths = {(dir / "f" / name).string()};
  CHECK_THAT(error_of([&] { prepare_bytes(config); }).place(), Contains(name));
}

TEST_CASE("a folder in which nothing can be used is an error", "[data][source_files]") {
  const TempDir dir;
  put(dir / "f/a.txt", "");
  CHECK_THAT(error_of([&] { prepare_bytes(byte_config(dir, {source("s", dir / "f")})); }).message(),
             Contains("no file with anything in it"));
}

TEST_CASE("the format of a source is its own, and another one is other data", "[data][source_files]") {
  const TempDir dir;
  const std::string lines = json_lines({"one", "two"});
  SourceConfig s = source("s", put(dir / "part-00000", lines));
  CHECK(train_texts(byte_config(dir, {s})) == Texts{"one", "two"});
  s.format = "text";
  CHECK(train_texts(byte_config(dir, {s})) == Texts{lines});
  s.format = "jsonl";
  CHECK(train_texts(byte_config(dir, {s})) == Texts{"one", "two"});
  s.format = "uint16";
  CHECK_THAT(error_of([&] { prepare_bytes(byte_config(dir, {s})); }).message(), Contains("outside the vocabulary"));
  s.format = "parquet";
  CHECK_THAT(error_of([&] { prepare_bytes(byte_config(dir, {s})); }).message(), Contains("not known"));
  // Before files were looked into, a suffix said all; what it still says has the key that it had.
  const DocumentOptions plain;
  CHECK(reading_key({"a.jsonl.gz", FileFormat::json_lines}, plain) == ".gz");
  CHECK(reading_key({"a.txt", FileFormat::text}, plain) == ".txt");
  CHECK(reading_key({"a.bin", FileFormat::uint16}, plain) == ".bin");
  CHECK(reading_key({"a.bin", FileFormat::uint32}, plain) == ".bin as uint32");
  CHECK(reading_key({"part-0", FileFormat::json_lines}, plain) == " as jsonl");
  CHECK(reading_key({"A.JSONL", FileFormat::json_lines}, plain) == ".JSONL as jsonl");
  CHECK(reading_key({"a.jsonl", FileFormat::text}, plain) == ".jsonl as text");
}

TEST_CASE("ids of uint32 become the same documents as those of uint16", "[data][source_files]") {
  const TempDir dir;
  std::vector<uint32_t> ids;
  for (const char c : "first document|second one|"s) ids.push_back(c == '|' ? 256 : static_cast<uint32_t>(c));
  const std::vector<uint16_t> narrow(ids.begin(), ids.end());
  const auto wide_file = put(dir / "w.bin", {reinterpret_cast<const char*>(ids.data()), ids.size() * 4});
  const auto narrow_file = put(dir / "n.bin", {reinterpret_cast<const char*>(narrow.data()), narrow.size() * 2});
  const PreparedData data = prepare_bytes(byte_config(dir, {source("w", wide_file), source("n", narrow_file)}));
  CHECK(texts_of(data.sources[0].train) == Texts{"first document", "second one"});
  CHECK(texts_of(data.sources[1].train) == Texts{"first document", "second one"});
}

TEST_CASE("token shards of another tokenizer are refused where that can be known", "[data][source_files]") {
  const TempDir dir;
  put(dir / "f/a.txt", "text");
  TokenShardWriter writer(dir / "f/ids", 257);
  writer.append(std::vector<int32_t>{'a', 'b', 256});
  writer.finish();
  DataConfig config = byte_config(dir, {source("s", dir / "f")});
  CHECK(train_texts(config) == Texts{"text", "ab"});
  SECTION("with a tokenizer that is trained on the text beside them") {
    config.tokenizer = "bpe";
    const Error error = error_of([&] { make_tokenizer(config); });
    CHECK_THAT(error.place(), Contains("ids.bin"));
    CHECK_THAT(error.hint(), Contains("data.tokenizer"));
  }
  SECTION("with the description that Espalier leaves beside its own shards") {
    config.sources = {source("s", put(dir / "t.txt", "some text"))};
    prepare_bytes(config);
    const PreparedData first = prepare_bytes(config);
    const fs::path made = first.sources[0].train.path();
    config.sources = {source("again", made)};
    CHECK(train_texts(config) == Texts{"some text"});
    TextSample sample;
    sample.add("aa bb aa bb");
    config.tokenizer = "";
    const auto other = make_bpe(train_bpe(sample, 300), "test");
    CHECK_THAT(error_of([&] { prepare_sources(config, *other, nullptr, 1); }).message(),
               Contains("made with another tokenizer"));
  }
}

TEST_CASE("the tail of a text begins at a blank line where one is near", "[data][source_files]") {
  const auto tail = [](const std::string& text, double fraction) { return text.substr(tail_begin(text, fraction)); };
  CHECK(tail("aaaa\n\nbb\ncc dd", 0.57) == "bb\ncc dd");
  CHECK(tail("aaaa\nbbbb", 0.5) == "bbbb");
  CHECK(tail("aaaa bbbb", 0.5) == "bbbb");
  CHECK(tail("aaaaabbbbb", 0.5) == "bbbbb");
  CHECK(tail("aaaa\xC3\xA4"
             "bbbbb",
             0.55) == "bbbbb");
  CHECK(tail_begin("a", 0.5) == 0);
  CHECK(tail_begin("", 0.5) == 0);
  const std::string text = book(200000);
  const size_t begin = tail_begin(text, 0.1);
  CHECK(text.substr(begin - 2, 2) == "\n\n");
  CHECK(static_cast<double>(text.size() - begin) / static_cast<double>(text.size()) == Approx(0.1).margin(0.004));
}

TEST_CASE("one plain text gives its last part to validation", "[data][source_files]") {
  const TempDir dir;
  const size_t bytes = GENERATE(200, 8000, 1'000'000);
  const std::string text = book(bytes);
  SourceConfig s = source("s", put(dir / "input.txt", text));
  s.val_fraction = 0.1;
  const DataConfig config = byte_config(dir, {s});
  for (int again = 0; again < 2; ++again) {
    const PreparedData data = prepare_bytes(config);
    const Texts train = texts_of(data.sources[0].train), val = texts_of(*data.sources[0].val);
    REQUIRE((train.size() == 1 && val.size() == 1));
    CHECK(train[0] + val[0] == text);
    CHECK(data.sources[0].val_totals.bytes == val[0].size());
    CHECK(data.sources[0].val_totals.tokens == val[0].size() + 1);
    CHECK(static_cast<double>(val[0].size()) / static_cast<double>(text.size()) == Approx(0.1).margin(0.03));
  }
  // It is other data than the whole text, and than another part of it.
  s.val_fraction = 0;
  CHECK(train_texts(byte_config(dir, {s})) == Texts{text});
  s.val_fraction = 0.3;
  CHECK(texts_of(*prepare_bytes(byte_config(dir, {s})).sources[0].val)[0].size() > text.size() / 5);
}

TEST_CASE("long documents give their tails, short ones are held out whole", "[data][source_files]") {
  const TempDir dir;
  const std::string large = book(100'000);
  std::string small;
  for (uint64_t i = 0; i < 300; ++i) small += random_words(i + 5000, 60) + "\n<|endoftext|>\n";
  put(dir / "f/large.txt.gz", gzip(large + "<|endoftext|>\n" + large + "more"));
  put(dir / "f/small.txt", small);
  SourceConfig s = source("s", dir / "f");
  s.val_fraction = 0.2;
  DataConfig config = byte_config(dir, {s});
  config.shard_tokens = 3000;
  const PreparedData data = prepare_bytes(config);
  const Texts train = texts_of(data.sources[0].train), val = texts_of(*data.sources[0].val);
  CHECK(train.size() + val.size() == 304);
  CHECK(train[0] + val[0] == large);
  CHECK(train[1] + val[1] == large + "more");
  CHECK(val.size() > 40);
  // What is trained on and what is held out is the same for the tokenizer.
  config.tokenizer = "bpe";
  config.sources[0].val_fraction = 0.999;
  config.vocab_size = 400;
  CHECK(make_tokenizer(config)->vocab_size() < 400);  // a hundred bytes of text support no more
}

TEST_CASE("held-out documents that leave nothing to train on are told so", "[data][source_files]") {
  const TempDir dir;
  SourceConfig s = source("s", put(dir / "a.jsonl", json_lines({"only one"})));
  s.val_fraction = 0.999;
  const Error error = error_of([&] { prepare_bytes(byte_config(dir, {s})); });
  CHECK_THAT(error.message(), Contains("all 1 documents") && Contains("held out"));
  CHECK_THAT(error.hint(), Contains("val"));
}
