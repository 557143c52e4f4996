// One JSON object on one line, read for the text of one of its fields (RFC 8259).
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "utf8.hpp"

/// Walks over a JSON text and checks it. Bytes of strings are taken as they are, valid UTF-8 or not.
class JsonLine {
 public:
  explicit JsonLine(std::string_view line) : line_(line) {}

  /// False unless the line is a JSON object and nothing else. `text` gets the field's value where that is a string; of
  /// several fields of that name the last counts.
  bool read(std::string_view field, std::optional<std::string>& text) {
    text.reset();
    skip_space();
    if (!take('{')) return false;
    const bool good = members([&](const std::string& name) {
      if (name != field) return value(0);
      text.reset();
      if (at_ >= line_.size() || line_[at_] != '"') return value(0);
      return string(&text.emplace());
    });
    skip_space();
    return good && at_ == line_.size();
  }

 private:
  static constexpr int kDeepest = 512;  // nesting, so that no line can exhaust the stack

  void skip_space() {
    while (at_ < line_.size() && std::string_view(" \t\r\n").find(line_[at_]) != std::string_view::npos) ++at_;
  }
  bool take(char c) {
    if (at_ >= line_.size() || line_[at_] != c) return false;
    ++at_;
    return true;
  }
  bool take_word(std::string_view word) {
    if (line_.substr(at_, word.size()) != word) return false;
    at_ += word.size();
    return true;
  }
  bool take_digits() {
    const std::size_t begin = at_;
    while (at_ < line_.size() && line_[at_] >= '0' && line_[at_] <= '9') ++at_;
    return at_ > begin;
  }

  /// What follows "{"; member(name) reads the value.
  template <class Member>
  bool members(Member&& member) {
    skip_space();
    if (take('}')) return true;
    for (;;) {
      std::string name;
      skip_space();
      if (!string(&name)) return false;
      skip_space();
      if (!take(':')) return false;
      skip_space();
      if (!member(name)) return false;
      skip_space();
      if (take('}')) return true;
      if (!take(',')) return false;
    }
  }

  bool elements(int depth) {
    skip_space();
    if (take(']')) return true;
    for (;;) {
      skip_space();
      if (!value(depth)) return false;
      skip_space();
      if (take(']')) return true;
      if (!take(',')) return false;
    }
  }

  bool value(int depth) {
    if (at_ >= line_.size() || depth > kDeepest) return false;
    switch (line_[at_]) {
      case '"':
        return string(nullptr);
      case '{':
        ++at_;
        return members([&](const std::string&) { return value(depth + 1); });
      case '[':
        ++at_;
        return elements(depth + 1);
      case 't':
        return take_word("true");
      case 'f':
        return take_word("false");
      case 'n':
        return take_word("null");
      default:
        return number();
    }
  }

  bool number() {
    take('-');
    if (!take('0') && !take_digits()) return false;
    if (take('.') && !take_digits()) return false;
    if (take('e') || take('E')) {
      if (!take('+')) take('-');
      return take_digits();
    }
    return true;
  }

  /// `out` may be NULL.
  bool string(std::string* out) {
    if (!take('"')) return false;
    while (at_ < line_.size()) {
      const char c = line_[at_++];
      if (c == '"') return true;
      if (static_cast<unsigned char>(c) < 0x20) return false;
      if (c != '\\') {
        if (out != nullptr) out->push_back(c);
      } else if (!escape(out)) {
        return false;
      }
    }
    return false;
  }

  bool escape(std::string* out) {
    if (at_ >= line_.size()) return false;
    constexpr std::string_view kNames = "\"\\/bfnrt", kValues = "\"\\/\b\f\n\r\t";
    const char name = line_[at_++];
    if (const std::size_t i = kNames.find(name); i != std::string_view::npos) {
      if (out != nullptr) out->push_back(kValues[i]);
      return true;
    }
    char32_t point = 0;
    if (name != 'u' || !hex(point)) return false;
    if (point >= 0xDC00 && point <= 0xDFFF) return false;
    if (point >= 0xD800 && point <= 0xDBFF) {  // the first half of a pair
      char32_t low = 0;
      if (!take('\\') || !take('u') || !hex(low) || low < 0xDC00 || low > 0xDFFF) return false;
      point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
    }
    if (out != nullptr) {
      espalier::sdk::encode_utf8(point, [&](unsigned char byte) { out->push_back(static_cast<char>(byte)); });
    }
    return true;
  }

  bool hex(char32_t& value) {
    for (int i = 0; i < 4; ++i) {
      if (at_ >= line_.size()) return false;
      const char c = line_[at_++];
      const std::size_t digit = std::string_view("0123456789abcdefABCDEF").find(c);
      if (digit == std::string_view::npos) return false;
      value = value << 4 | static_cast<char32_t>(digit < 16 ? digit : digit - 6);
    }
    return true;
  }

  std::string_view line_;
  std::size_t at_ = 0;
};
