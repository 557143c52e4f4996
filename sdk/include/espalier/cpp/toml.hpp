// A default value as the TOML literal that the host shows to users.
#pragma once

#include <espalier/cpp/config.hpp>

#include <charconv>
#include <string>
#include <vector>

namespace espalier::sdk {

inline std::string toml_literal(bool value) {
  return value ? "true" : "false";
}
inline std::string toml_literal(std::int64_t value) {
  return std::to_string(value);
}

/// The shortest literal that reads back as the same number; always a TOML float.
inline std::string toml_literal(double value) {
  char digits[32];
  const std::to_chars_result end = std::to_chars(digits, digits + sizeof(digits), value);
  std::string out(digits, end.ptr);
  if (out.find_first_of(".en") == std::string::npos) out += ".0";
  return out;
}

inline std::string toml_literal(const std::string& value) {
  std::string out = "\"";
  for (const char c : value) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out += '"';
}

inline std::string toml_literal(const Duration& value) {
  return toml_literal(value.text);
}

template <class Item>
std::string toml_literal(const std::vector<Item>& items) {
  std::string out = "[";
  for (const Item& item : items) {
    if (out.size() > 1) out += ", ";
    out += toml_literal(item);
  }
  return out += "]";
}

}  // namespace espalier::sdk
