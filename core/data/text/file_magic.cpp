#include "core/data/text/file_magic.h"

#include <algorithm>
#include <cstdint>

namespace espalier {
namespace {

using namespace std::string_view_literals;

struct Magic {
  std::string_view bytes, what, hint;
};

constexpr std::string_view kCompressed = "decompress it first, or compress it with gzip or zstd instead";
constexpr std::string_view kUnpack = "unpack it and give the folder";
constexpr std::string_view kTable =
    "write the column of the text as JSON lines, with pandas: to_json(name, "
    "orient=\"records\", lines=True, force_ascii=False)";
constexpr std::string_view kExtract = "extract its text first";
constexpr std::string_view kWeights = "remove it from the source; weights are no text";
constexpr std::string_view kUtf16 = "convert it: iconv -f UTF-16 -t UTF-8";
constexpr std::string_view kUtf32 = "convert it: iconv -f UTF-32 -t UTF-8";

constexpr std::string_view kGzip = "\x1F\x8B\x08", kLfs = "version https://git-lfs.github.com/spec/";

// Longer ones first where one begins like another.
constexpr Magic kMagics[] = {
    {"\xFD"
     "7zXZ\0"sv,
     "is compressed with xz", kCompressed},
    {"BZh"sv, "is compressed with bzip2", kCompressed},
    {"\x04\x22\x4D\x18"sv, "is compressed with lz4", kCompressed},
    {"\xFF\x06\0\0sNaPpY"sv, "is compressed with snappy", kCompressed},
    {"\x1F\x9D"sv, "is compressed with compress", kCompressed},
    {"LZIP\x01"sv, "is compressed with lzip", kCompressed},
    {kGzip, "is compressed twice", "decompress it once"},
    {"\x28\xB5\x2F\xFD"sv, "is compressed twice", "decompress it once"},
    {"PK\x03\x04"sv, "is a zip archive (PyTorch checkpoints and office documents are, too)", kUnpack},
    {"PK\x05\x06"sv, "is an empty zip archive", kUnpack},
    {"7z\xBC\xAF\x27\x1C"sv, "is a 7z archive", kUnpack},
    {"Rar!\x1A\x07"sv, "is a rar archive", kUnpack},
    {"PAR1"sv, "is a Parquet file", kTable},
    {"ARROW1\0\0"sv, "is an Arrow file", kTable},
    {"\xFF\xFF\xFF\xFF"sv, "is an Arrow stream or other binary data", kTable},
    {"Obj\x01"sv, "is an Avro file", kTable},
    {"ORC\x0A"sv, "is an ORC file", kTable},
    {"\x89HDF\r\n\x1A\n"sv, "is an HDF5 file", kTable},
    {"\x93NUMPY"sv, "is a NumPy array",
     "write token ids without a header: array.astype(numpy.uint16).tofile(\"x.bin\")"},
    {"SQLite format 3\0"sv, "is an SQLite database", kTable},
    {"\x80\x02"sv, "is a Python pickle", kWeights},
    {"\x80\x03"sv, "is a Python pickle", kWeights},
    {"\x80\x04\x95"sv, "is a Python pickle", kWeights},
    {"\x80\x05\x95"sv, "is a Python pickle", kWeights},
    {"GGUF"sv, "is a GGUF model", kWeights},
    {"MMIDIDX\0\0"sv, "is the index of a Megatron token shard", "give the .bin file beside it"},
    {"%PDF-"sv, "is a PDF document", kExtract},
    {"{\\rtf"sv, "is an RTF document", kExtract},
    {"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"sv, "is an office document", kExtract},
    {"\x89PNG\r\n\x1A\n"sv, "is an image", "remove it from the source"},
    {"\xFF\xD8\xFF"sv, "is an image", "remove it from the source"},
    {"GIF8"sv, "is an image", "remove it from the source"},
    {"\x7F"
     "ELF"sv,
     "is a program", "remove it from the source"},
    {"\xFF\xFE\0\0"sv, "is UTF-32 text, not UTF-8", kUtf32},
    {"\0\0\xFE\xFF"sv, "is UTF-32 text, not UTF-8", kUtf32},
    {"\xFF\xFE"sv, "is UTF-16 text, not UTF-8", kUtf16},
    {"\xFE\xFF"sv, "is UTF-16 text, not UTF-8", kUtf16},
    {kLfs, "is a Git LFS pointer, not the file that it stands for", "fetch the files: git lfs pull"},
    {"/annex/objects/"sv, "is a git-annex pointer, not the file that it stands for", "fetch the files: git annex get"},
};

// The octal number in a field of a tar header; -1: none.
int64_t octal(std::string_view field) {
  int64_t value = -1;
  for (const char c : field) {
    if (c == ' ' && value < 0) continue;
    if (c < '0' || c > '7') break;
    value = std::max<int64_t>(value, 0) * 8 + (c - '0');
  }
  return value;
}

// Every tar header has the sum of its bytes in it, taken with spaces in the place of the sum (POSIX.1-1988).
bool is_tar(std::string_view head) {
  constexpr size_t kHeader = 512, kSum = 148, kSumBytes = 8;
  if (head.size() < kHeader) return false;
  int64_t sum = 0;
  for (size_t i = 0; i < kHeader; ++i)
    sum += i >= kSum && i < kSum + kSumBytes ? ' ' : static_cast<unsigned char>(head[i]);
  return octal(head.substr(kSum, kSumBytes)) == sum;
}

// Eight bytes of length, then the JSON header.
bool is_safetensors(std::string_view head) {
  return head.size() > 9 && head.substr(3, 5) == "\0\0\0\0\0"sv && head[8] == '{' && (head[9] == '"' || head[9] == '}');
}

// bzip2 says its block size and then begins a block, or ends.
bool is_bzip2(std::string_view head) {
  return head.size() < 10 || (head[3] >= '1' && head[3] <= '9' &&
                              (head.substr(4, 6) == "1AY&SY"sv || head.substr(4, 6) == "\x17\x72\x45\x38\x50\x90"sv));
}

bool is_gzip(std::string_view head) {
  return head.size() > 9 && static_cast<unsigned char>(head[3]) < 0x20 &&
         (head[8] == 0 || head[8] == 2 || head[8] == 4);
}

// For what a text or token ids may begin with, too.
bool holds(const Magic& magic, std::string_view head) {
  const auto has_nul = [&] { return head.find('\0') != std::string_view::npos; };
  const auto one_line = [&] { return head.find('\n') == head.size() - 1; };
  if (magic.bytes == "BZh"sv) return head.size() > 3 && is_bzip2(head);
  if (magic.bytes == kGzip) return is_gzip(head);
  for (const std::string_view words : {"GGUF"sv, "PAR1"sv, "ORC\x0A"sv, "GIF8"sv})
    if (magic.bytes == words) return has_nul();
  if (magic.bytes == "/annex/objects/"sv) return one_line();
  if (magic.bytes == kLfs) return head.size() < kMagicBytes && head.find("\noid sha256:") != std::string_view::npos;
  return true;
}

}  // namespace

std::optional<ForeignFormat> foreign_format(std::string_view head, bool may_be_tokens) {
  for (const Magic& magic : kMagics) {
    if (may_be_tokens && magic.bytes.size() < 4 && magic.bytes != kGzip) continue;
    if (head.starts_with(magic.bytes) && holds(magic, head)) return ForeignFormat{magic.what, magic.hint};
  }
  if (is_tar(head)) return ForeignFormat{"is a tar archive", kUnpack};
  if (is_safetensors(head)) return ForeignFormat{"is a safetensors file", kWeights};
  return std::nullopt;
}

}  // namespace espalier
