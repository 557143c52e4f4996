#include "core/config/toml_tree.h"

#include <fmt/format.h>

#define TOML_ENABLE_FORMATTERS 0
// Version 3.3 asserts things that damaged text does not hold to, and then reports a proper error all the same.
#define TOML_ASSERT(expr) static_assert(true)
#include <toml++/toml.h>

#include "core/base/error.h"
#include "core/config/param_text.h"
#include "core/config/toml_depth.h"

namespace espalier {
namespace {

std::string place_at(const toml::source_position& at, const std::string& name) {
  return fmt::format("{}:{}:{}", name, at.line, at.column);
}

// Where a node is: in a file (line and column of its own), or all at one place.
class Converter {
 public:
  Converter(std::string name, bool with_lines) : name_(std::move(name)), with_lines_(with_lines) {}

  TomlNode convert(const toml::node& node) const {
    TomlNode out;
    out.place = with_lines_ && node.source().begin ? place_at(node.source().begin, name_) : name_;
    if (const auto* table = node.as_table()) {
      out.kind = TomlNode::Kind::table;
      for (const auto& [key, child] : *table) out.fields.emplace(key.str(), at_key(convert(child), key));
    } else if (const auto* array = node.as_array()) {
      out.kind = TomlNode::Kind::list;
      for (const auto& item : *array) out.items.push_back(convert(item));
    } else {
      set_scalar(out, node);
    }
    return out;
  }

 private:
  // A key is what the user reads first, so a scalar and a table made by a dotted key are named by their key.
  TomlNode at_key(TomlNode node, const toml::key& key) const {
    if (with_lines_ && key.source().begin) node.place = place_at(key.source().begin, name_);
    return node;
  }

  static void set_scalar(TomlNode& out, const toml::node& node) {
    out.kind = TomlNode::Kind::scalar;
    if (const auto* flag = node.as_boolean())
      out.scalar = flag->get();
    else if (const auto* integer = node.as_integer())
      out.scalar = integer->get();
    else if (const auto* number = node.as_floating_point())
      out.scalar = number->get();
    else if (const auto* text = node.as_string())
      out.scalar = text->get();
    else
      out.kind = TomlNode::Kind::date;
  }

  std::string name_;
  bool with_lines_;
};

}  // namespace

TomlNode parse_toml_tree(const std::string& text, const std::string& name) {
  if (const auto deep = too_deep_in_toml(text))
    throw Error(ErrorCode::config, fmt::format("tables, lists or parts of a key more than {} deep", kDeepestToml),
                fmt::format("{}:{}:{}", name, deep->line, deep->column), "no key of the configuration lies that deep");
  try {
    return Converter(name, true).convert(toml::parse(text, name));
  } catch (const toml::parse_error& error) {
    throw Error(ErrorCode::config, std::string(error.description()), place_at(error.source().begin, name));
  }
}

std::optional<TomlNode> parse_toml_literal(std::string_view text, const std::string& place) {
  if (too_deep_in_toml(text)) return std::nullopt;
  try {
    const toml::table table = toml::parse(fmt::format("value = {}", text));
    // Text with line breaks could smuggle in further keys; that is not one value.
    if (table.size() != 1 || !table.contains("value")) return std::nullopt;
    return Converter(place, false).convert(*table.get("value"));
  } catch (const toml::parse_error&) {
    return std::nullopt;
  }
}

ParamValue to_param(const TomlNode& node) {
  ParamValue out;
  out.place = node.place;
  if (node.kind == TomlNode::Kind::scalar) {
    out.items.push_back(node.scalar);
    return out;
  }
  if (node.kind != TomlNode::Kind::list)
    throw Error(ErrorCode::config, fmt::format("a parameter cannot be {}", describe_type(node)), node.place,
                "parameters are truth values, numbers, texts, or lists of these");
  out.is_list = true;
  for (const TomlNode& item : node.items) {
    if (item.kind != TomlNode::Kind::scalar)
      throw Error(ErrorCode::config, fmt::format("a list parameter cannot hold {}", describe_type(item)), item.place,
                  "lists hold truth values, numbers or texts");
    out.items.push_back(item.scalar);
  }
  return out;
}

std::string describe_type(const TomlNode& node) {
  switch (node.kind) {
    case TomlNode::Kind::table:
      return "a table";
    case TomlNode::Kind::date:
      return "a date";
    case TomlNode::Kind::list:
      return "a list";
    case TomlNode::Kind::scalar:
      break;
  }
  return describe_type(ParamValue{false, {node.scalar}, {}});
}

}  // namespace espalier
