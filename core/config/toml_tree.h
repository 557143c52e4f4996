// A parsed TOML document as plain nodes that each know their place; keeps toml++ in one file. Internal to config.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/param_value.h"

namespace espalier {

struct TomlNode {
  enum class Kind { scalar, list, table, date };
  Kind kind = Kind::table;
  std::string place;                       // file:line:column, or the override that set it
  ParamScalar scalar;                      // kind scalar
  std::vector<TomlNode> items;             // kind list
  std::map<std::string, TomlNode> fields;  // kind table
};

// Throws Error(config) with name:line:column for a syntax error or a key given twice.
TomlNode parse_toml_tree(const std::string& text, const std::string& name);
// One value, every node of it at `place`; nothing when the text is not a single TOML value.
std::optional<TomlNode> parse_toml_literal(std::string_view text, const std::string& place);
// Applies "a.b[0].c=value" to the tree, making missing tables. Throws Error(config) with the override as the place.
void apply_override(TomlNode& root, const std::string& text);
// A value for a plugin's params: a scalar or a list of scalars. Throws Error(config) for tables, dates and nested
// lists.
ParamValue to_param(const TomlNode& node);
// "an integer", "a table", ... for messages.
std::string describe_type(const TomlNode& node);

}  // namespace espalier
