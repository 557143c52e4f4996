#include "core/data/text/document_reader.h"

#include "core/data/prepare/source_files.h"
#include "core/data/text/byte_reader.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using Catch::Matchers::Contains;
using Texts = std::vector<std::string>;

namespace {

Texts rest_of(DocumentReader& reader) {
  Texts texts;
  for (std::string text; reader.next(text);) texts.push_back(text);
  return texts;
}

Texts read_all(const fs::path& path, const std::string& field = "text") {
  return rest_of(*open_documents(path, field));
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
  SECTION("a zstd file may begin with a skippable frame") {
    const std::string skippable("\x50\x2A\x4D\x18\x04\0\0\0abcd", 12);
    CHECK(read_all(put(dir / "g.jsonl", skippable + zstd(lines))) == expected);
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
  CHECK_THAT(error_of([&] { read_all(put(dir / "cut.txt", gzip(text).substr(0, 1000))); }).message(),
             Contains("at byte 1000 of the file"));
  // Members and frames after the first are checked, too.
  const std::string second = gzip(text) + gzip(text);
  CHECK_THAT(error_of([&] { read_all(put(dir / "cut.txt", second.substr(0, second.size() - 3))); }).message(),
             Contains("truncated"));
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

TEST_CASE("documents that are not UTF-8 are repaired or left out when that is asked for", "[data][documents]") {
  const TempDir dir;
  const std::string mark = "\xEF\xBF\xBD";
  const auto lines = put(dir / "a.jsonl",
                         "{\"text\":\"one\"}\n{\"text\":\"na\xEFve\"}\n{\"text\":\"half \\ud83d!\"}\n"
                         "{\"text\":\"\\\\ud83d \\ud83d\\ude00\"}\n{\"text\":\"\"}\n");
  const std::string last = "\\ud83d \xF0\x9F\x98\x80";
  const auto plain = put(dir / "b.txt", "fine\n<|endoftext|>\na\xFF\nb\n<|endoftext|>\nlast");
  DocumentOptions options;
  SECTION("replace") {
    options.invalid_utf8 = InvalidUtf8::replace;
    const auto reader = open_documents(lines, options);
    CHECK(rest_of(*reader) == Texts{"one", "na" + mark + "ve", "half " + mark + "!", last});
    CHECK(reader->counts().repaired == 2);
    CHECK(reader->counts().invalid == 0);
    CHECK(reader->counts().empty == 1);
    const auto texts = open_documents(plain, options);
    CHECK(rest_of(*texts) == Texts{"fine\n", "a" + mark + "\nb\n", "last"});
    CHECK(texts->counts().repaired == 1);
  }
  SECTION("skip") {
    options.invalid_utf8 = InvalidUtf8::skip;
    const auto reader = open_documents(lines, options);
    CHECK(rest_of(*reader) == Texts{"one", last});
    CHECK(reader->counts().invalid == 2);
    const auto texts = open_documents(plain, options);
    CHECK(rest_of(*texts) == Texts{"fine\n", "last"});
    CHECK(texts->counts().invalid == 1);
  }
  SECTION("half a surrogate pair is an error by default") {
    const Error error = error_of([&] { read_all(put(dir / "c.jsonl", "\n{\"text\":\"\\udc00\"}\n")); });
    CHECK_THAT(error.message(), Contains("surrogate"));
    CHECK_THAT(error.place(), Contains("c.jsonl:2"));
  }
}

TEST_CASE("damage outside the text and the labels does no harm to a document", "[data][documents]") {
  const TempDir dir;
  const auto path =
      put(dir / "a.jsonl",
          "{\"text\":\"good\",\"meta\":\"half \\ud83d!\"}\n{\"x\":{\"y\":\"na\xEFve\"},\"text\":\"fine\"}\n"
          "{\"\\udc00\":1,\"text\":\"key\"}\n");
  DocumentOptions options;
  options.invalid_utf8 = GENERATE(InvalidUtf8::error, InvalidUtf8::replace, InvalidUtf8::skip);
  const auto reader = open_documents(path, options);
  CHECK(rest_of(*reader) == Texts{"good", "fine", "key"});
  CHECK(reader->counts().repaired == 0);
  CHECK(reader->counts().invalid == 0);
  // The same in a label is damage of the document.
  options.label_field = "meta";
  const auto with_label = open_documents(path, options);
  if (options.invalid_utf8 == InvalidUtf8::error) {
    CHECK_THAT(error_of([&] { rest_of(*with_label); }).message(), Contains("surrogate"));
  } else {
    rest_of(*with_label);
    CHECK(with_label->counts().repaired + with_label->counts().invalid == 1);
  }
}

TEST_CASE("lines without text are errors or left out", "[data][documents]") {
  const TempDir dir;
  for (const std::string line : {"{\"text\":null}", "{\"text\":5}", "{\"text\":[\"a\"]}", "{\"id\":1}"}) {
    const auto path = put(dir / "a.jsonl", "{\"text\":\"a\"}\n" + line + "\n{\"text\":\"b\"}\n");
    DocumentOptions options;
    const Error error = error_of([&] { rest_of(*open_documents(path, options)); });
    CHECK_THAT(error.place(), Contains("a.jsonl:2"));
    CHECK_THAT(error.hint(), Contains("data.missing_text"));
    options.skip_without_text = true;
    const auto reader = open_documents(path, options);
    CHECK(rest_of(*reader) == Texts{"a", "b"});
    CHECK(reader->counts().empty == 1);
  }
  CHECK_THAT(error_of([&] { read_all(put(dir / "b.json", "[{\"text\":\"a\"}]")); }).hint(), Contains("jq -c '.[]'"));
  CHECK_THAT(error_of([&] { read_all(put(dir / "c.json", "{\n \"text\": \"a\"\n}\n")); }).hint(), Contains("jq -c ."));
}

TEST_CASE("zeros after a compressed stream are padding, other bytes are damage", "[data][documents]") {
  const TempDir dir;
  const std::string text = random_words(3, 300000);
  for (const std::string& packed : {gzip(text), zstd(text)}) {
    CHECK(read_all(put(dir / "a.txt", packed + std::string(200000, '\0'))) == Texts{text});
    const Error error = error_of([&] { read_all(put(dir / "b.txt", packed + std::string(10, '\0') + "x")); });
    CHECK_THAT(error.message(), Contains("other bytes follow"));
  }
  CHECK_THAT(error_of([&] { read_all(put(dir / "c.txt", gzip(text) + "garbage")); }).message(),
             Contains("other bytes follow"));
}

TEST_CASE("NUL characters are kept", "[data][documents]") {
  const TempDir dir;
  using namespace std::string_literals;
  CHECK(read_all(put(dir / "a.txt", "a\0b\n"s)) == Texts{"a\0b\n"s});
  CHECK(read_all(put(dir / "b.jsonl", "{\"text\":\"a\\u0000b\"}")) == Texts{"a\0b"s});
  // A raw control character inside a string is not JSON.
  CHECK_THAT(error_of([&] { read_all(put(dir / "c.jsonl", "{\"text\":\"a\0b\"}"s)); }).place(), Contains("c.jsonl:1:"));
}

TEST_CASE("lines and documents above the bound are named", "[data][documents]") {
  const TempDir dir;
  DocumentOptions options;
  options.max_bytes = 3 << 20;
  const std::string small = json_lines({"a"}), large = json_lines({std::string(4 << 20, 'x')});
  const auto refused = [&](const fs::path& path) { return error_of([&] { rest_of(*open_documents(path, options)); }); };
  const Error line = refused(put(dir / "a.jsonl", small + large));
  CHECK(line.code() == ErrorCode::data);
  CHECK_THAT(line.place(), Catch::Matchers::EndsWith("a.jsonl:2"));
  CHECK_THAT(line.hint(), Contains("data.max_document_bytes"));
  CHECK_THAT(refused(put(dir / "b.jsonl", gzip(small + large))).place(), Catch::Matchers::EndsWith("b.jsonl:2"));
  std::string text;
  for (int i = 0; i < 4; ++i) text += std::string((1 << 20) - 1, 'x') + "\n";
  CHECK_THAT(refused(put(dir / "c.txt", text)).place(), Catch::Matchers::EndsWith("c.txt:4"));
  options.max_bytes = 5 << 20;
  CHECK(rest_of(*open_documents(dir / "a.jsonl", options)).size() == 2);
  CHECK(rest_of(*open_documents(dir / "c.txt", options)).front() == text);
}

TEST_CASE("labels come with their documents", "[data][documents]") {
  const TempDir dir;
  DocumentOptions options;
  options.language_field = "lang";
  options.license_field = "license";
  const auto reader = open_documents(
      put(dir / "a.jsonl",
          "{\"lang\":\"en\",\"text\":\"a\",\"meta\":{\"lang\":\"xx\",\"text\":\"no\"},\"license\":\"MIT\"}\n"
          "{\"text\":\"b\",\"license\":7}\n"),
      options);
  std::string text;
  REQUIRE(reader->next(text));
  CHECK(text == "a");
  CHECK(reader->labels() == DocumentLabels{"en", "MIT"});
  REQUIRE(reader->next(text));
  CHECK(text == "b");
  CHECK(reader->labels() == DocumentLabels{});
}

TEST_CASE("a reader goes on where another one stopped", "[data][documents]") {
  const TempDir dir;
  const auto lines = put(dir / "a.jsonl", gzip("\n" + json_lines({"a", "b"}) + "\n" + json_lines({"c", "d"})));
  const auto plain = put(dir / "b.txt", "<|endoftext|>\na\nb\n<|endoftext|>\nc\n<|endoftext|>\n<|endoftext|>\nd");
  for (const auto& path : {lines, plain}) {
    const Texts all = read_all(path);
    const auto first = open_documents(path, "text");
    std::string text;
    for (size_t done = 0; done <= all.size(); ++done) {
      const auto second = open_documents(path, "text");
      second->skip_to(first->line());
      CHECK(rest_of(*second) == Texts(all.begin() + static_cast<std::ptrdiff_t>(done), all.end()));
      first->next(text);
    }
  }
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

TEST_CASE("hidden files and folders are no text of a source", "[data][documents]") {
  const TempDir dir;
  fs::create_directories(dir / "corpus" / ".cache" / "deep");
  fs::create_directories(dir / "corpus" / "part");
  put(dir / "corpus" / ".cache" / "deep" / "a.metadata", "not text of the source");
  put(dir / "corpus" / ".half.jsonl.tmp", "{");
  put(dir / "corpus" / "part" / "b.txt", "text");
  CHECK(list_files(dir / "corpus") == std::vector<fs::path>{dir / "corpus" / "part" / "b.txt"});
}

TEST_CASE("how a compressed file is read is part of the cache key", "[data][documents]") {
  CHECK(reading_key("a/x.jsonl.gz") != reading_key("a/x.txt.gz"));
  CHECK(reading_key("a/x.jsonl.gz") == reading_key("b/y.jsonl.gz"));
  CHECK(reading_key("x.jsonl") != reading_key("x.txt"));
}

TEST_CASE("one key may be language and label at once", "[data][documents]") {
  const TempDir dir;
  DocumentOptions options;
  options.language_field = options.label_field = "lang";
  const auto reader = open_documents(put(dir / "a.jsonl", "{\"text\":\"a\",\"lang\":\"en\"}\n"), options);
  std::string text;
  REQUIRE(reader->next(text));
  CHECK(reader->labels().language == "en");
  CHECK(reader->labels().label == "en");
}
