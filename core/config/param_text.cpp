#include "core/config/param_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "core/base/error.h"
#include "core/config/toml_tree.h"

namespace espalier {
namespace {

constexpr std::array<const char*, 4> kTypeNames{"a truth value", "an integer", "a number", "a text"};
constexpr std::array<const char*, 4> kListNames{"truth values", "integers", "numbers", "texts"};

bool is_bare(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

std::string shortest_number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  std::array<char, 32> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
  std::string text(buffer.data(), end);
  // "1e+09" and "1e-05" are valid; "1e9" and "1e-5" are what people write.
  const size_t exponent = text.find('e');
  if (exponent == std::string::npos) return text;
  size_t digits = exponent + 1;
  if (text[digits] == '+') text.erase(digits, 1);
  if (text[digits] == '-') ++digits;
  while (digits + 1 < text.size() && text[digits] == '0') text.erase(digits, 1);
  return text;
}

std::string toml_float(double value) {
  std::string text = shortest_number(value);
  const bool marked = text.find_first_of(".en") != std::string::npos;  // 'n' as in inf and nan
  return marked ? text : text + ".0";
}

std::string toml_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      (out += '\\') += c;
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (byte < 0x20 || byte == 0x7F)
      out += fmt::format("\\u{:04X}", byte);
    else
      out += c;
  }
  return out + '"';
}

std::string toml_literal(const ParamScalar& scalar) {
  if (const bool* flag = std::get_if<bool>(&scalar)) return *flag ? "true" : "false";
  if (const int64_t* integer = std::get_if<int64_t>(&scalar)) return std::to_string(*integer);
  if (const double* number = std::get_if<double>(&scalar)) return toml_float(*number);
  return toml_text(std::get<std::string>(scalar));
}

std::string toml_literal(const ParamValue& value) {
  if (!value.is_list) return toml_literal(value.items.at(0));
  std::string out = "[";
  for (size_t i = 0; i < value.items.size(); ++i) out += (i == 0 ? "" : ", ") + toml_literal(value.items[i]);
  return out + "]";
}

std::string toml_key(std::string_view key) {
  return !key.empty() && std::all_of(key.begin(), key.end(), is_bare) ? std::string(key) : toml_text(key);
}

ParamValue parse_param(std::string_view literal, const std::string& place) {
  const auto node = parse_toml_literal(literal, place);
  if (node) return to_param(*node);
  throw Error(ErrorCode::config, fmt::format("`{}` is not a TOML value", literal), place);
}

std::string describe_type(const ParamValue& value) {
  if (!value.is_list) return kTypeNames[value.items.at(0).index()];
  if (value.items.empty()) return "an empty list";
  const size_t first = value.items[0].index();
  const bool uniform = std::all_of(value.items.begin(), value.items.end(),
                                   [&](const ParamScalar& item) { return item.index() == first; });
  return uniform ? fmt::format("a list of {}", kListNames[first]) : "a list of mixed types";
}

}  // namespace espalier
