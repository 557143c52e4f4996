#include "core/plugin/foreign_text.h"

#include <algorithm>

#include "core/base/control_characters.h"
#include "core/base/text.h"

namespace espalier::plugin {
namespace {

constexpr size_t kMaxName = 200;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
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
