#include "core/data/text/file_format.h"

#include <fmt/format.h>

#include <cstring>

#include "core/data/shards/token_shard.h"
#include "core/data/text/file_magic.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using namespace std::string_literals;
using Catch::Matchers::Contains;

namespace {

template <class T>
std::string bytes_of(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

template <class T>
std::string random_ids(size_t count, uint64_t bound) {
  const Rng rng(7, "test.ids");
  std::vector<T> ids;
  for (size_t i = 0; i < count; ++i) ids.push_back(static_cast<T>(rng.below(bound, i)));
  return bytes_of(ids);
}

// A header and one block, as tar writes them.
std::string tar_of(const std::string& name, const std::string& content) {
  std::string header(512, '\0');
  std::memcpy(header.data(), name.data(), name.size());
  std::memcpy(header.data() + 100, "0000644", 7);
  std::memcpy(header.data() + 124, "00000000012", 11);
  std::memcpy(header.data() + 148, "        ", 8);
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  const std::string digits = fmt::format("{:06o}", sum);
  std::memcpy(header.data() + 148, (digits + "\0 "s).data(), 8);
  std::string block = content;
  block.resize(512);
  return header + block;
}

std::string utf16(const std::string& text, bool little) {
  std::string out;
  for (const char c : text) out += little ? std::string{c, '\0'} : std::string{'\0', c};
  return out;
}

FileFormat format_of(const fs::path& path, int64_t vocab_size = 0, FileFormat asked = FileFormat::automatic) {
  return nature_of(path, {asked, "text", vocab_size}).format;
}

Error refusal(const fs::path& path, int64_t vocab_size = 0, FileFormat asked = FileFormat::automatic) {
  return error_of([&] { format_of(path, vocab_size, asked); });
}

}  // namespace

TEST_CASE("files that are neither text nor tokens are refused by what they are", "[data][file_format]") {
  const TempDir dir;
  const std::string text = random_words(1, 3000);
  const std::pair<const char*, std::string> cases[] = {
      {"with xz",
       "\xFD"
       "7zXZ\0\0\x04"s},
      {"with bzip2", "BZh91AY&SY\x12\x34"},
      {"zip archive", "PK\x03\x04\x14"},
      {"7z", "7z\xBC\xAF\x27\x1C"},
      {"lz4", "\x04\x22\x4D\x18"},
      {"tar archive", tar_of("a.txt", text)},
      {"tar archive", gzip(tar_of("a.txt", text))},
      {"tar archive", zstd(tar_of("a.txt", text))},
      {"compressed twice", gzip(gzip(text))},
      {"Parquet", "PAR1\x15\0\0\0"s},
      {"Arrow", "ARROW1\0\0"s},
      {"Git LFS pointer", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"},
      {"git-annex pointer", "/annex/objects/SHA256E-s3--abc.txt\n"},
      {"UTF-16", "\xFF\xFE" + utf16("hello", true)},
      {"UTF-16", "\xFE\xFF" + utf16("hello", false)},
      {"UTF-32", "\xFF\xFE\0\0h\0\0\0"s},
      {"UTF-16", utf16(text, true)},
      {"UTF-16", utf16(text, false)},
      {"NumPy", "\x93NUMPY\x01\0v\0{'descr': '<u2'"s},
      {"pickle", "\x80\x04\x95\0\0\0"s},
      {"index of a Megatron", "MMIDIDX\0\0\x01"s},
      {"safetensors", "\x40\0\0\0\0\0\0\0{\"a\":{}}"s},
      {"binary", random_ids<uint16_t>(2000, 50000)},
      {"binary", random_ids<uint32_t>(2000, 50000)}};
  for (const auto& [what, bytes] : cases) {
    const Error error = refusal(put(dir / "a.txt", bytes));
    INFO(what);
    CHECK(error.code() == ErrorCode::data);
    CHECK_THAT(error.message(), Contains(what));
    CHECK_THAT(error.place(), Contains("a.txt"));
    CHECK_FALSE(error.hint().empty());
  }
  CHECK_THAT(refusal(put(dir / "le.txt", utf16(text, true))).hint(), Contains("iconv -f UTF-16LE"));
  // Text that only looks like one of them at first, and old encodings, which are another error.
  std::string cyrillic;
  for (int i = 0; i < 500; ++i) cyrillic += "\xF0\xD2\xC9\xD7\xC5\xD4 ";
  for (const std::string& good :
       {"BZh is a town\n"s, "ORC\nHe was green.\n"s, "PAR1 and PAR2\n"s, "GIF8 gives\n"s,
        "/annex/objects/ is\na folder\n"s, "version https://git-lfs.github.com/spec/v1 is how a pointer begins\n"s,
        cyrillic, "\x1B[31mred\x1B[0m\n"s})
    CHECK(format_of(put(dir / "good.txt", good)) == FileFormat::text);
  CHECK(nature_of(put(dir / "empty", ""), {}).empty);
  CHECK(nature_of(put(dir / "empty.gz", gzip("")), {}).empty);
  // Asking for text does not make an archive one; what is only likely to be binary is believed.
  CHECK_THAT(refusal(put(dir / "b", gzip(tar_of("x", text))), 0, FileFormat::text).message(), Contains("tar"));
  CHECK(format_of(put(dir / "c", std::string(100, '\1')), 0, FileFormat::text) == FileFormat::text);
}

TEST_CASE("JSON lines are known by their suffix in any case, and by their content", "[data][file_format]") {
  const TempDir dir;
  const std::string lines = json_lines({"one", "two", "three"});
  for (const char* name : {"UPPER.JSONL", "a.Json", "b.ndjson", "c.jsonl.zstd", "d.jsonl.GZ", "part-00000", "e.txt"})
    CHECK(format_of(put(dir / name, lines)) == FileFormat::json_lines);
  CHECK(format_of(put(dir / "part-1", gzip("\xEF\xBB\xBF\n" + lines))) == FileFormat::json_lines);
  CHECK(format_of(put(dir / "long", json_lines({random_words(1, 200000)}))) == FileFormat::json_lines);
  CHECK(format_of(put(dir / "f.txt", "{not json\n")) == FileFormat::text);
  CHECK(format_of(put(dir / "g.txt", "{\n  \"pretty\": 1\n}\n")) == FileFormat::text);
  CHECK(format_of(put(dir / "h.txt", "Once upon a time\n" + lines)) == FileFormat::text);
  // The same lines without the field: neither is sure.
  const Error error = refusal(put(dir / "part-2", json_lines({"a"}, "body")));
  CHECK_THAT(error.message(), Contains("without a field \"text\""));
  CHECK_THAT(error.hint(), Contains("text_field") && Contains("\"text\""));
  CHECK(format_of(dir / "part-2", 0, FileFormat::text) == FileFormat::text);
  CHECK(format_of(dir / "part-2", 0, FileFormat::json_lines) == FileFormat::json_lines);
}

TEST_CASE("ids without header are as wide as fits the vocabulary", "[data][file_format]") {
  const TempDir dir;
  constexpr int64_t kGpt2 = 50257, kLlama3 = 128256;
  const auto small = put(dir / "16.bin", random_ids<uint16_t>(1000, kGpt2));
  const auto large = put(dir / "32.bin", random_ids<uint32_t>(1000, kLlama3));
  const auto wide = put(dir / "32-of-gpt2.bin", random_ids<uint32_t>(1000, kGpt2));
  CHECK(format_of(small, kGpt2) == FileFormat::uint16);
  CHECK(format_of(large, kLlama3) == FileFormat::uint32);
  CHECK(format_of(wide, kGpt2) == FileFormat::uint32);
  SECTION("what fits neither is named by its first id outside") {
    const Error error = refusal(put(dir / "bad.bin", bytes_of<uint16_t>({120, 300})), 257);
    CHECK_THAT(error.message(), Contains("token 300 lies outside"));
    CHECK_THAT(error.place(), Contains("bad.bin: token number 1"));
    CHECK_THAT(refusal(large, kGpt2).message(), Contains("outside the vocabulary of 50257"));
  }
  SECTION("what cannot be told apart is refused, and the format says it") {
    const auto zeros = put(dir / "zeros.bin", std::string(400, '\0'));
    CHECK_THAT(refusal(zeros, kGpt2).message(), Contains("uint16 or uint32"));
    CHECK_THAT(refusal(zeros, kGpt2).hint(), Contains("format"));
    CHECK(format_of(zeros, kGpt2, FileFormat::uint16) == FileFormat::uint16);
    CHECK_THAT(refusal(put(dir / "few.bin", bytes_of<uint32_t>({5, 6})), kGpt2).message(),
               Contains("uint16 or uint32"));
    CHECK_THAT(refusal(small, kLlama3).message(), Contains("uint16 cannot hold"));
    CHECK_THAT(refusal(put(dir / "64.bin", random_ids<uint64_t>(1000, kGpt2)), kGpt2).message(), Contains("int64"));
  }
  SECTION("text and other files that are named .bin are no tokens") {
    CHECK_THAT(refusal(put(dir / "t.bin", random_words(1, 5000)), kGpt2).message(), Contains("holds text"));
    CHECK(format_of(dir / "t.bin", kGpt2, FileFormat::text) == FileFormat::text);
    CHECK_THAT(refusal(put(dir / "torch.bin", "PK\x03\x04" + std::string(100, '\0')), kGpt2).message(),
               Contains("zip"));
    CHECK_THAT(refusal(put(dir / "z.bin", gzip(random_ids<uint16_t>(1000, kGpt2))), kGpt2).message(),
               Contains("is compressed"));
    CHECK_THAT(refusal(put(dir / "odd.bin", "\1\0\2"s), kGpt2).message(), Contains("no whole"));
  }
  SECTION("ids of characters that nanoGPT's meta.pkl lists are of no tokenizer") {
    put(dir / "meta.pkl", "\x80\x04\x95");
    CHECK_THAT(refusal(small, kGpt2).message(), Contains("meta.pkl"));
    CHECK(format_of(small, kGpt2, FileFormat::uint16) == FileFormat::uint16);
  }
}

TEST_CASE("llm.c's shards of uint32 are read", "[data][file_format]") {
  const TempDir dir;
  const std::vector<uint32_t> tokens{128000, 1, 70000, 128000, 3};
  std::vector<int32_t> header(256, 0);
  header[0] = 20240801;
  header[1] = 7;
  header[2] = static_cast<int32_t>(tokens.size());
  const auto path = put(dir / "llama.bin", bytes_of(header) + bytes_of(tokens));
  CHECK(format_of(path, 128256) == FileFormat::llmc_uint32);
  CHECK(format_of(path, 0, FileFormat::llmc_uint16) == FileFormat::llmc_uint32);
  const TokenShard shard = TokenShard::open(path, 128000);
  CHECK(shard.num_documents() == 3);
  std::vector<int32_t> ids(5);
  shard.copy(0, ids);
  CHECK(ids == std::vector<int32_t>{128000, 1, 70000, 128000, 3});
  CHECK_THAT(refusal(put(dir / "x.bin", "no header at all"), 0, FileFormat::llmc_uint16).message(), Contains("llm.c"));
  CHECK_THAT(refusal(dir / "x.bin", 0, FileFormat::megatron).message(), Contains(".idx"));
}

TEST_CASE("whole text files are decompressed and checked", "[data][file_format]") {
  const TempDir dir;
  CHECK(read_text_file(put(dir / "a", gzip("\xEF\xBB\xBFtext\n"))) == "text\n");
  CHECK_THAT(error_of([&] {
               read_text_file(put(dir / "b",
                                  "\xFF\xFE"
                                  "a\0"s));
             }).message(),
             Contains("UTF-16"));
  CHECK_THAT(error_of([&] { read_text_file(put(dir / "c", "na\xEFve")); }).message(), Contains("byte 2"));
}
