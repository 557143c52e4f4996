#include "core/data/documents.h"

#include "core/data/byte_reader.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using Catch::Matchers::Contains;
using Texts = std::vector<std::string>;

namespace {

Texts read_all(const fs::path& path, const std::string& field = "text") {
  Texts texts;
  const auto reader = open_documents(path, field);
  for (std::string text; reader->next(text);) texts.push_back(text);
  return texts;
}

}  // namespace

TEST_CASE("JSON lines give one document a line", "[data][documents]") {
  const TempDir dir;
  CHECK(read_all(put(dir / "a.jsonl", json_lines({"one\ntwo", "drei \xC3\xA4", "\ttab"}))) ==
        Texts{"one\ntwo", "drei \xC3\xA4", "\ttab"});
  CHECK(read_all(put(dir / "field.jsonl", json_lines({"x"}, "body")), "body") == Texts{"x"});
  SECTION("blank lines, empty texts and Windows line ends do not matter") {
    CHECK(read_all(put(dir / "b.jsonl", "\n{\"text\":\"a\"}\r\n  \n{\"text\":\"\"}\n{\"text\":\"b\"}")) ==
          Texts{"a", "b"});
  }
  SECTION("a byte order mark is dropped") {
    CHECK(read_all(put(dir / "c.jsonl", "\xEF\xBB\xBF{\"text\":\"a\"}")) == Texts{"a"});
  }
}

TEST_CASE("a plain text file is one document unless separators cut it", "[data][documents]") {
  const TempDir dir;
  CHECK(read_all(put(dir / "a.txt", "one\n\ntwo\r\n")) == Texts{"one\n\ntwo\r\n"});
  CHECK(read_all(put(dir / "b.txt", "<|endoftext|>\na\nb\n<|endoftext|>\n<|endoftext|>\r\nc <|endoftext|>\n")) ==
        Texts{"a\nb\n", "c <|endoftext|>\n"});
}

TEST_CASE("compressed files are known by their bytes and not by their names", "[data][documents]") {
  const TempDir dir;
  const std::string lines = json_lines({random_words(1, 300000), "end"});
  const Texts expected = read_all(put(dir / "plain.jsonl", lines));
  REQUIRE(expected.size() == 2);
  CHECK(read_all(put(dir / "a.jsonl.gz", gzip(lines))) == expected);
  CHECK(read_all(put(dir / "b.jsonl.zst", zstd(lines))) == expected);
  CHECK(read_all(put(dir / "c.jsonl", gzip(lines))) == expected);
  CHECK(read_all(put(dir / "d.jsonl.gz", zstd(lines))) == expected);
  SECTION("several members or frames in one file are joined") {
    const std::string more = json_lines({"more"});
    CHECK(read_all(put(dir / "e.jsonl", gzip(lines) + gzip(more))).back() == "more");
    CHECK(read_all(put(dir / "f.jsonl", zstd(lines) + zstd(more))).back() == "more");
  }
}

TEST_CASE("a truncated or damaged compressed stream is an error at any cut", "[data][documents]") {
  const TempDir dir;
  const std::string text = random_words(2, 5000);
  for (const std::string& packed : {gzip(text), zstd(text)}) {
    for (size_t cut = 5; cut < packed.size(); cut += 7) {
      const auto path = put(dir / "cut.txt", std::string_view(packed).substr(0, cut));
      const Error error = error_of([&] { read_all(path); });
      CHECK(error.code() == ErrorCode::data);
      CHECK_THAT(error.message(), Contains("truncated"));
      CHECK_THAT(error.place(), Contains("cut.txt"));
    }
  }
  std::string damaged = gzip(text);
  damaged[damaged.size() / 2] ^= 0x55;
  CHECK(error_of([&] { read_all(put(dir / "bad.txt", damaged)); }).code() == ErrorCode::data);
}

TEST_CASE("a missing, empty or unreadable file is named", "[data][documents]") {
  const TempDir dir;
  const Error missing = error_of([&] { read_all(dir / "none.jsonl"); });
  CHECK(missing.code() == ErrorCode::data);
  CHECK_THAT(missing.place(), Contains("none.jsonl"));
  CHECK_FALSE(missing.hint().empty());
  CHECK_THAT(error_of([&] { read_all(put(dir / "empty.txt", "")); }).message(), Contains("empty"));
  CHECK_THAT(error_of([&] { open_bytes(dir.path()); }).message(), Contains("folder"));
}

TEST_CASE("text that is not UTF-8 is an error with line and byte", "[data][documents]") {
  const TempDir dir;
  const Error error = error_of([&] { read_all(put(dir / "latin.txt", "fine\nna\xEFve\n")); });
  CHECK(error.code() == ErrorCode::data);
  CHECK_THAT(error.message(), Contains("0xEF at byte 3"));
  CHECK_THAT(error.place(), Catch::Matchers::EndsWith("latin.txt:2"));
  CHECK_THAT(error.hint(), Contains("iconv"));
  CHECK_THAT(error_of([&] { read_all(put(dir / "a.jsonl", "{\"text\":\"\xFF\"}")); }).message(), Contains("UTF-8"));
}

TEST_CASE("bad JSON lines are errors with line and reason", "[data][documents]") {
  const TempDir dir;
  const std::string good = "{\"text\":\"a\"}\n";
  const Error syntax = error_of([&] { read_all(put(dir / "a.jsonl", good + "{\"text\":}\n")); });
  CHECK(syntax.message() == "not valid JSON");
  CHECK_THAT(syntax.place(), Contains("a.jsonl:2:9"));
  const Error missing = error_of([&] { read_all(put(dir / "b.jsonl", good + good + "{\"id\":1,\"texte\":\"x\"}\n")); });
  CHECK_THAT(missing.place(), Contains("b.jsonl:3"));
  CHECK_THAT(missing.hint(), Contains("did you mean 'texte'?"));
  CHECK_THAT(error_of([&] { read_all(put(dir / "c.jsonl", "{\"text\":5}")); }).message(),
             Contains("number, not text") || Contains("is number"));
  CHECK_THAT(error_of([&] { read_all(put(dir / "d.jsonl", "[1]")); }).message(), Contains("not a JSON object"));
}

TEST_CASE("a folder is read in the order of its file names", "[data][documents]") {
  const TempDir dir;
  put(dir / "f/b.txt", "b");
  put(dir / "f/a.txt", "a");
  put(dir / "f/sub/c.txt", "c");
  put(dir / "f/.hidden", "h");
  put(dir / "f/a.idx", "i");
  std::vector<std::string> names;
  for (const auto& file : list_files(dir / "f")) names.push_back(file.filename().string());
  CHECK(names == std::vector<std::string>{"a.txt", "b.txt", "c.txt"});
  CHECK_THAT(error_of([&] { list_files(dir / "nowhere"); }).message(), Contains("no such file or folder"));
  fs::create_directories(dir / "nothing");
  CHECK_THAT(error_of([&] { list_files(dir / "nothing"); }).message(), Contains("no files"));
}
