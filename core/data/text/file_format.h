// What a file of a source holds, decided by its content where its name does not say.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

enum class FileFormat : uint8_t {
  automatic,  // to be decided
  text,
  json_lines,
  megatron,     // .bin with an .idx beside it
  llmc_uint16,  // llm.c's header, magic 20240520
  llmc_uint32,  // llm.c's header, magic 20240801
  uint16,       // token ids and nothing else
  uint32,       // int32 is the same: ids are below 2^31
};

// The values of data.sources.format, in words: auto, text, jsonl, megatron, llm.c, uint16, uint32.
const std::vector<std::string>& format_names();
// Throws Error(config) for any other text. "llm.c" gives llmc_uint16; which of the two it is, the file says.
FileFormat parse_format(const std::string& text, const std::string& place);
const char* name_of(FileFormat format);
inline bool is_tokens(FileFormat format) {
  return format > FileFormat::json_lines;
}

struct FormatRules {
  FileFormat asked = FileFormat::automatic;
  std::string text_field = "text";
  // Of the tokenizer; 0: not known yet, then ids without header count as uint16.
  int64_t vocab_size = 0;
};

struct FileNature {
  FileFormat format = FileFormat::text;
  bool compressed = false;
  bool by_content = false;  // the name alone says something else
  bool empty = false;       // nothing in it, also once decompressed
  bool has_nul = false;     // text with NUL characters in what was looked at
};

// Looks at the name, the first 64 KiB of what a file holds, and for token ids without header at 4 MiB. Throws
// Error(data) with what the file is and the way out: an archive or another format that is not read, binary data,
// not in the format asked for, or not to be told apart.
FileNature nature_of(const std::filesystem::path& path, const FormatRules& rules);

// What the name alone says: json_lines, text, or uint16 for every .bin.
FileFormat format_by_name(const std::filesystem::path& path);

// A whole text file, decompressed, without a byte order mark. Throws Error(data): what it is where it is no text, and
// bytes that are not UTF-8.
std::string read_text_file(const std::filesystem::path& path);

}  // namespace espalier
