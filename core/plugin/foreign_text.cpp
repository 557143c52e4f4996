#include "core/plugin/foreign_text.h"

#include <algorithm>

#include "core/base/text.h"

namespace espalier::plugin {
namespace {

constexpr size_t kMaxName = 200;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

// Bytes of the control character that begins here; 0 where none does.
size_t control_at(std::string_view rest) {
  const auto byte = [&](size_t i) { return i < rest.size() ? static_cast<unsigned char>(rest[i]) : 0U; };
  if (byte(0) < 0x20 || byte(0) == 0x7F) return 1;
  if (byte(0) == 0xC2 && byte(1) >= 0x80 && byte(1) <= 0x9F) return 2;                     // U+0080 to U+009F
  if (byte(0) == 0xE2 && byte(1) == 0x80 && byte(2) >= 0xA8 && byte(2) <= 0xAE) return 3;  // U+2028 to U+202E
  if (byte(0) == 0xE2 && byte(1) == 0x81 && byte(2) >= 0xA6 && byte(2) <= 0xA9) return 3;  // U+2066 to U+2069
  return 0;
}

}  // namespace

size_t find_control(std::string_view text) {
  for (size_t i = 0; i < text.size(); ++i)
    if (control_at(text.substr(i)) > 0) return i;
  return std::string_view::npos;
}

std::string without_controls(std::string text) {
  for (size_t i = 0; i < text.size(); ++i)
    if (const size_t size = control_at(std::string_view(text).substr(i));
        size > 0 && text[i] != '\n' && text[i] != '\t')
      text.replace(i, size, "?");
  return text;
}

std::string shown(const std::filesystem::path& path) {
  std::string out = without_controls(valid_utf8(path.string()));
  std::replace_if(
      out.begin(), out.end(), [](char c) { return c == '\n' || c == '\t'; }, '?');
  return out;
}

std::string id_problem(const std::string& id) {
  const auto parts = split(id, '.');
  if (id.empty()) return "it is empty";
  if (id.size() > kMaxName) return "it is too long";
  const bool clean = std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
    return !part.empty() && std::all_of(part.begin(), part.end(), is_word);
  });
  if (!clean || parts.size() < 3)
    return "it must be in reverse DNS order, \"org.example.growth.mine\": at least three parts of letters, digits, '-' "
           "and '_'";
  return "";
}

std::string key_problem(const std::string& key) {
  if (key.empty()) return "it is empty";
  if (key.size() > kMaxName) return "it is too long";
  return std::all_of(key.begin(), key.end(), is_word) ? "" : "it may have letters, digits, '-' and '_'";
}

std::string named_in(std::string_view sentence, const std::vector<std::string>& words) {
  struct Found {
    size_t at = std::string_view::npos;
    std::string word;
  } quoted, bare;
  for (const std::string& word : words) {
    if (word.empty()) continue;
    for (size_t at = sentence.find(word); at != std::string_view::npos; at = sentence.find(word, at + 1)) {
      const char before = at == 0 ? ' ' : sentence[at - 1];
      const char after = at + word.size() == sentence.size() ? ' ' : sentence[at + word.size()];
      if (is_word(before) || is_word(after)) continue;
      const bool in_quotes = before == after && (before == '\'' || before == '"' || before == '`');
      if (Found& best = in_quotes ? quoted : bare; at < best.at) best = {at, word};
    }
  }
  return quoted.word.empty() ? bare.word : quoted.word;
}

}  // namespace espalier::plugin
