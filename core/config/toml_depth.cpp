#include "core/config/toml_depth.h"

#include <algorithm>
#include <vector>

namespace espalier {
namespace {

class Walk {
 public:
  explicit Walk(std::string_view text) : text_(text) {}

  std::optional<TomlPosition> run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        statement_begins_ = false;
        skip_string(c);
        continue;
      }
      if (c == '#') {
        while (at_ < text_.size() && text_[at_] != '\n') ++at_;
        continue;
      }
      if (!step(c)) return position();
      ++at_;
    }
    return std::nullopt;
  }

 private:
  // False when that goes too deep.
  bool step(char c) {
    switch (c) {
      case '[':
      case '{':
        // A bracket at the start of a line outside of all others begins a table: its dots stay for what follows.
        if (open_.empty() && statement_begins_) header_ = 0, in_header_ = true;
        open_.push_back(dots_ + 1);
        below_ += dots_ + 1;
        dots_ = 0;
        break;
      case ']':
      case '}':
        if (open_.empty()) break;
        if (in_header_) header_ = std::max(header_, dots_ + 1);
        below_ -= open_.back();
        dots_ = 0;
        open_.pop_back();
        if (open_.empty()) in_header_ = false;
        break;
      case '.':
        ++dots_;
        break;
      case ',':
        dots_ = 0;
        break;
      case '\n':
        if (open_.empty()) statement_begins_ = true;
        dots_ = 0;
        return true;
      default:
        break;
    }
    if (c != ' ' && c != '\t' && c != '\r') statement_begins_ = false;
    return header_ + below_ + dots_ <= kDeepestToml;
  }

  void skip_string(char quote) {
    const bool triple = text_.substr(at_, 3) == std::string_view(quote == '"' ? "\"\"\"" : "'''");
    const size_t quotes = triple ? 3 : 1;
    for (at_ += quotes; at_ < text_.size(); ++at_) {
      if (quote == '"' && text_[at_] == '\\') {
        ++at_;
      } else if (!triple && (text_[at_] == quote || text_[at_] == '\n')) {
        break;
      } else if (triple && text_.substr(at_, 3) == std::string_view(quote == '"' ? "\"\"\"" : "'''")) {
        // Up to two quotes may stand before the three that end the text.
        while (at_ + 3 < text_.size() && text_[at_ + 3] == quote) ++at_;
        break;
      }
    }
    at_ += quotes;
  }

  TomlPosition position() const {
    TomlPosition out;
    for (size_t i = 0; i < at_; ++i) {
      out.column = text_[i] == '\n' ? 1 : out.column + 1;
      out.line += text_[i] == '\n' ? 1 : 0;
    }
    return out;
  }

  std::string_view text_;
  size_t at_ = 0;
  bool statement_begins_ = true, in_header_ = false;
  std::vector<size_t> open_;                  // levels that each open bracket added
  size_t header_ = 0, below_ = 0, dots_ = 0;  // parts of the [table], levels of open_, dots of the key at hand
};

}  // namespace

std::optional<TomlPosition> too_deep_in_toml(std::string_view text) {
  return Walk(text).run();
}

}  // namespace espalier
