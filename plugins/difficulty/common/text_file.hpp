// Reads the text files that parameters of scorers name: JSON lines, or plain text. Compressed files, archives, text of
// another encoding and the like are known by their first bytes and refused.
#pragma once

#include <espalier/cpp/error.hpp>

#include <algorithm>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>

#include "json_line.hpp"

namespace text_file {

/// Why a file that begins so is no UTF-8 text; NULL where it may be one.
inline const char* why_no_text(std::string_view head) {
  using namespace std::string_view_literals;
  struct Magic {
    std::string_view bytes;
    const char* what;
  };
  constexpr const char *kPacked = "is compressed; unpack it first", *kWide = "is UTF-16 or UTF-32 text, not UTF-8";
  constexpr Magic kMagics[] = {
      {"\x1F\x8B"sv, kPacked},
      {"\x28\xB5\x2F\xFD"sv, kPacked},
      {"\xFD"
       "7zXZ\0"sv,
       kPacked},
      {"BZh91AY&SY"sv, kPacked},
      {"\x04\x22\x4D\x18"sv, kPacked},
      {"PK\x03\x04"sv, "is an archive; unpack it first"},
      {"\xFF\xFE"sv, kWide},
      {"\xFE\xFF"sv, kWide},
      {"\0\0\xFE\xFF"sv, kWide},
      {"version https://git-lfs.github.com/spec/"sv, "is a Git LFS pointer; run git lfs pull"}};
  for (const Magic& magic : kMagics) {
    if (head.substr(0, magic.bytes.size()) == magic.bytes) return magic.what;
  }
  // Other binary data, tar archives among them: a tenth of random bytes are control characters, of text next to none.
  const auto is_control = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte < 0x07 || (byte >= 0x0E && byte < 0x1B) || (byte > 0x1B && byte < 0x20);
  };
  const auto controls = static_cast<std::size_t>(std::count_if(head.begin(), head.end(), is_control));
  return head.size() >= 64 && controls * 100 > head.size() * 6 ? "is binary, not text" : nullptr;
}

inline std::ifstream open(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw espalier::sdk::Error(ESP_NOT_FOUND, espalier::sdk::cat("cannot open '", path, "'"));
  std::string head(4096, '\0');
  in.read(&head[0], static_cast<std::streamsize>(head.size()));
  head.resize(static_cast<std::size_t>(in.gcount()));
  if (const char* why = why_no_text(head)) throw espalier::sdk::invalid("'", path, "' ", why);
  in.clear();
  in.seekg(head.substr(0, 3) == "\xEF\xBB\xBF" ? 3 : 0);
  return in;
}

/// Whether a name ends so, whatever the case of its letters.
inline bool has_ending(const std::string& path, const std::string& ending) {
  const auto same = [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a - 'A' + 'a' : a) == b; };
  return path.size() >= ending.size() &&
         std::equal(ending.begin(), ending.end(), path.end() - static_cast<std::ptrdiff_t>(ending.size()),
                    [&](char b, char a) { return same(a, b); });
}

/// Calls visit(std::string) for each line of a file, without the line break.
template <class Visit>
void for_each_line(const std::string& path, Visit&& visit) {
  std::ifstream in = open(path);
  for (std::string line; std::getline(in, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    visit(line);
  }
  if (in.bad()) throw espalier::sdk::data_loss("'", path, "' cannot be read");
}

/// Calls visit(std::string) for each document: a line's `field` in .jsonl, .ndjson and .json files, else what
/// `by_line` says: each line that is not empty, or the whole file. Throws Error with the line at fault, and for a file
/// without documents. Compressed files are not read.
template <class Visit>
void for_each_document(const std::string& path, const std::string& field, bool by_line, Visit&& visit) {
  std::size_t line_number = 0, documents = 0;
  if (has_ending(path, ".jsonl") || has_ending(path, ".ndjson") || has_ending(path, ".json")) {
    for_each_line(path, [&](const std::string& line) {
      line_number += 1;
      if (line.find_first_not_of(" \t") == std::string::npos) return;
      std::optional<std::string> text;
      if (!JsonLine(line).read(field, text)) {
        throw espalier::sdk::invalid(path, ":", line_number, ": not a JSON object");
      }
      if (!text.has_value()) throw espalier::sdk::invalid(path, ":", line_number, ": no text field '", field, "'");
      documents += 1;
      visit(*text);
    });
  } else if (by_line) {
    for_each_line(path, [&](const std::string& line) {
      if (line.find_first_not_of(" \t") == std::string::npos) return;
      documents += 1;
      visit(line);
    });
  } else {
    std::ostringstream whole;
    whole << open(path).rdbuf();
    if (!whole.str().empty()) {
      documents = 1;
      visit(whole.str());
    }
  }
  if (documents == 0) throw espalier::sdk::invalid("'", path, "' holds no document");
}

}  // namespace text_file
