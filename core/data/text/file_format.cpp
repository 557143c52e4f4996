#include "core/data/text/file_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <optional>
#include <span>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/text.h"
#include "core/data/text/byte_reader.h"
#include "core/data/text/file_magic.h"
#include "core/data/text/headerless_tokens.h"
#include "core/data/text/json_fields.h"

namespace espalier {
namespace {

constexpr size_t kHeadBytes = size_t{64} << 10, kTokenBytes = size_t{4} << 20;
constexpr int32_t kLlmcUint16 = 20240520, kLlmcUint32 = 20240801;

struct Name {
  FileFormat format;
  const char* name;
};
constexpr Name kNames[] = {{FileFormat::automatic, "auto"},    {FileFormat::text, "text"},
                           {FileFormat::json_lines, "jsonl"},  {FileFormat::megatron, "megatron"},
                           {FileFormat::llmc_uint16, "llm.c"}, {FileFormat::uint16, "uint16"},
                           {FileFormat::uint32, "uint32"}};

[[noreturn]] void refuse(const fs::path& path, std::string what, std::string hint) {
  throw Error(ErrorCode::data, std::move(what), path.string(), std::move(hint));
}

std::string lower_suffix(const fs::path& path) {
  std::string suffix = path.extension().string();
  for (char& c : suffix) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return suffix;
}

std::string first_bytes(const fs::path& path, size_t count) {
  std::ifstream in(path, std::ios::binary);
  if (!in)
    refuse(path, std::string("cannot open: ") + std::strerror(errno), "relative paths start at the working directory");
  std::string bytes(count, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(count));
  bytes.resize(static_cast<size_t>(in.gcount()));
  return bytes;
}

std::string first_content(const fs::path& path, size_t count) {
  const auto reader = open_bytes(path);
  std::string bytes(count, '\0');
  bytes.resize(reader->read(bytes));
  return bytes;
}

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r' && byte != '\f' && byte != '\v' && byte != '\b' &&
         byte != 0x1B;
}

// Text of two bytes a character has a control byte, mostly zero, in every second place of what is Latin, Greek or
// Cyrillic.
const char* utf16_without_mark(std::string_view head) {
  std::array<size_t, 2> controls{};
  for (size_t i = 0; i < head.size(); ++i) controls[i % 2] += is_control(head[i]) ? 1 : 0;
  const size_t half = head.size() / 2;
  if (controls[1] * 10 > half * 7 && controls[0] * 10 < half) return "UTF-16LE";
  if (controls[0] * 10 > half * 7 && controls[1] * 10 < half) return "UTF-16BE";
  return nullptr;
}

// Random bytes have a tenth of control characters; text in any old encoding next to none.
void refuse_binary(const fs::path& path, std::string_view head) {
  constexpr size_t kFewest = 64;
  if (head.size() < kFewest) return;
  if (const char* encoding = utf16_without_mark(head))
    refuse(path, "is UTF-16 text, not UTF-8", fmt::format("convert it: iconv -f {} -t UTF-8", encoding));
  const auto controls = static_cast<size_t>(std::count_if(head.begin(), head.end(), is_control));
  if (controls * 100 > head.size() * 6)
    refuse(
        path, "is binary, not text",
        "for token ids set format of the source to \"uint16\" or \"uint32\"; for text with many control characters to "
        "\"text\"; else remove the file, or set data.unusable_files to \"skip\"");
}

// Ids below 256 have a zero byte and others give no valid UTF-8 for long.
bool is_plain_text(std::string_view head) {
  constexpr size_t kFewest = 64, kLongestCharacter = 4;
  if (head.size() < kFewest || std::any_of(head.begin(), head.end(), is_control)) return false;
  const size_t bad = find_invalid_utf8(head);
  return bad == std::string::npos || bad + kLongestCharacter > head.size();  // cut off in the middle of a character
}

enum class Json { no, with_text, without_text };

// Whether the first lines are JSON objects, and have the field of the text. The last one may be cut off.
Json json_look(std::string_view head, bool whole, const std::string& text_field) {
  constexpr size_t kMostLines = 8;
  size_t lines = 0;
  bool with_text = false;
  while (!head.empty() && lines < kMostLines) {
    const size_t newline = head.find('\n');
    const bool cut = newline == std::string_view::npos && !whole;
    std::string_view line = head.substr(0, newline);
    head.remove_prefix(newline == std::string_view::npos ? head.size() : newline + 1);
    const size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string_view::npos) continue;
    if (line[begin] != '{') return Json::no;
    if (cut && lines > 0) break;
    std::vector<std::string> keys;
    const auto problem = read_json_fields(line, {}, &keys);
    const bool ends_early = problem && cut && problem->byte >= line.size();
    if (problem && !ends_early && !problem->lone_surrogate) return Json::no;
    with_text = with_text || std::find(keys.begin(), keys.end(), text_field) != keys.end();
    ++lines;
  }
  if (lines == 0) return Json::no;
  return with_text ? Json::with_text : Json::without_text;
}

fs::path index_of(const fs::path& bin) {
  fs::path idx = bin;
  return idx.replace_extension(".idx");
}

int32_t first_number(std::string_view head) {
  int32_t value = 0;
  if (head.size() >= sizeof(value)) std::memcpy(&value, head.data(), sizeof(value));
  return value;
}

FileFormat llmc_format(std::string_view head) {
  return first_number(head) == kLlmcUint32 ? FileFormat::llmc_uint32 : FileFormat::llmc_uint16;
}

bool is_llmc(std::string_view head) {
  return first_number(head) == kLlmcUint16 || first_number(head) == kLlmcUint32;
}

FileFormat asked_tokens(const fs::path& path, FileFormat asked) {
  if (asked == FileFormat::megatron && !fs::exists(index_of(path)))
    refuse(path, "has no .idx file beside it", "a Megatron shard is a .bin and an .idx file side by side");
  const std::string head = first_bytes(path, kMagicBytes);
  if (asked != FileFormat::llmc_uint16) return asked;
  if (!is_llmc(head)) refuse(path, "does not begin with llm.c's header", "set format of the source to \"auto\"");
  return llmc_format(head);
}

FileFormat found_tokens(const fs::path& path, const FormatRules& rules) {
  if (fs::exists(index_of(path))) return FileFormat::megatron;
  const std::string start = first_bytes(path, kHeadBytes);
  if (is_llmc(start)) return llmc_format(start);
  const std::string other = "if it holds token ids all the same, set format of the source to \"uint16\" or \"uint32\"";
  if (const auto foreign = foreign_format(std::string_view(start).substr(0, kMagicBytes), /*may_be_tokens=*/true)) {
    const bool packed = foreign->what == "is compressed twice";
    refuse(path, packed ? "is compressed; token shards are not decompressed" : std::string(foreign->what),
           fmt::format("{}; {}", packed ? "decompress it" : foreign->hint, other));
  }
  if (is_plain_text(start))
    refuse(path, "holds text, not token ids",
           "give it another name than .bin, or set format of the source to \"text\"");
  if (fs::exists(path.parent_path() / "meta.pkl"))
    refuse(path, "holds ids of the characters that meta.pkl beside it lists, which is no tokenizer that can be used",
           "give the text that it was made from, with data.tokenizer = \"byte\"; if the ids are of data.tokenizer all "
           "the same, set format of the source to \"uint16\"");
  if (rules.vocab_size == 0) return FileFormat::uint16;
  const std::string head = first_bytes(path, kTokenBytes);
  return token_width(path, std::as_bytes(std::span(head)), fs::file_size(path), rules.vocab_size);
}

FileNature found_text(const fs::path& path, const FormatRules& rules) {
  FileNature nature;
  const std::string raw = first_bytes(path, kMagicBytes);
  const std::string head = first_content(path, kHeadBytes);
  nature.empty = head.empty();
  nature.compressed = !head.starts_with(std::string_view(raw).substr(0, head.size()));
  // What no text begins with is no text, whatever was asked for.
  if (const auto foreign = foreign_format(std::string_view(head).substr(0, kMagicBytes)))
    refuse(path, std::string(nature.compressed ? "decompressed, it " : "") + std::string(foreign->what),
           std::string(foreign->hint));
  nature.has_nul = head.find('\0') != std::string::npos;
  nature.format = rules.asked;
  if (rules.asked != FileFormat::automatic) return nature;
  refuse_binary(path, head);
  nature.format = format_by_name(path);
  if (nature.format == FileFormat::json_lines) return nature;
  std::string_view text = head;
  if (text.starts_with("\xEF\xBB\xBF")) text.remove_prefix(3);
  const Json look = json_look(text, head.size() < kHeadBytes, rules.text_field);
  if (look == Json::without_text)
    refuse(path, fmt::format("holds JSON objects without a field \"{}\"", rules.text_field),
           "set text_field of the source to the field of the text; to train on the JSON itself set its format to "
           "\"text\"");
  nature.by_content = look == Json::with_text;
  if (nature.by_content) nature.format = FileFormat::json_lines;
  return nature;
}

}  // namespace

const std::vector<std::string>& format_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const auto& [format, name] : kNames) all.emplace_back(name);
    return all;
  }();
  return names;
}

FileFormat parse_format(const std::string& text, const std::string& place) {
  for (const auto& [format, name] : kNames)
    if (text == name) return format;
  throw Error(ErrorCode::config, fmt::format("format = \"{}\" is not known", text), place,
              fmt::format("use {}", fmt::join(format_names(), ", ")));
}

const char* name_of(FileFormat format) {
  if (format == FileFormat::llmc_uint32) return "llm.c uint32";
  for (const auto& [known, name] : kNames)
    if (known == format) return name;
  return "";
}

FileFormat format_by_name(const fs::path& path) {
  fs::path name = path.filename();
  std::string suffix = lower_suffix(name);
  if (suffix == ".bin") return FileFormat::uint16;
  if (suffix == ".gz" || suffix == ".gzip" || suffix == ".zst" || suffix == ".zstd")
    suffix = lower_suffix(name.replace_extension());
  const bool json = suffix == ".jsonl" || suffix == ".ndjson" || suffix == ".json";
  return json ? FileFormat::json_lines : FileFormat::text;
}

FileNature nature_of(const fs::path& path, const FormatRules& rules) {
  std::error_code error;
  const auto status = fs::status(path, error);
  if (fs::is_directory(status)) refuse(path, "is a folder, not a file", "");
  if (fs::exists(status) && !fs::is_regular_file(status))
    refuse(path, "is not a file but a pipe, socket or device", "write its content to a file first");
  if (fs::exists(status) && fs::file_size(path) == 0) {
    FileNature nature{format_by_name(path)};
    nature.empty = true;
    return nature;
  }
  if (is_tokens(rules.asked)) return {asked_tokens(path, rules.asked)};
  if (rules.asked == FileFormat::automatic && format_by_name(path) == FileFormat::uint16) {
    const FileFormat found = found_tokens(path, rules);
    return {found, false, found == FileFormat::uint32};
  }
  return found_text(path, rules);
}

std::string read_text_file(const fs::path& path) {
  FormatRules rules;
  rules.asked = FileFormat::text;
  nature_of(path, rules);
  const auto reader = open_bytes(path);
  std::string text, block(size_t{1} << 20, '\0');
  while (const size_t count = reader->read(block)) text.append(block, 0, count);
  if (text.starts_with("\xEF\xBB\xBF")) text.erase(0, 3);
  if (const size_t bad = find_invalid_utf8(text); bad != std::string::npos)
    refuse(path, fmt::format("is not UTF-8: byte {}", bad),
           "convert it first, for example with iconv -f LATIN1 -t UTF-8");
  return text;
}

}  // namespace espalier
