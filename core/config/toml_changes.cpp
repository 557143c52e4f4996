#include "core/config/toml_changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "core/config/param_text.h"
#include "core/config/toml_tree.h"

namespace espalier {
namespace {

// What stands for an item of a list of tables: its name, where it has one, so that the order does not matter.
std::string item_key(const TomlNode& item, size_t index) {
  const auto name = item.fields.find("name");
  const auto* text = name == item.fields.end() ? nullptr : std::get_if<std::string>(&name->second.scalar);
  return text == nullptr ? std::to_string(index) : *text;
}

// Every value under its dotted key. A list of values is one value, a list of tables is not.
void flatten(const TomlNode& node, const std::string& key, std::map<std::string, std::string>& out) {
  using Kind = TomlNode::Kind;
  if (node.kind == Kind::table) {
    for (const auto& [name, child] : node.fields) flatten(child, key.empty() ? name : key + "." + name, out);
  } else if (node.kind == Kind::list && std::any_of(node.items.begin(), node.items.end(),
                                                    [](const TomlNode& item) { return item.kind != Kind::scalar; })) {
    for (size_t i = 0; i < node.items.size(); ++i)
      flatten(node.items[i], fmt::format("{}[{}]", key, item_key(node.items[i], i)), out);
  } else {
    out[key] = toml_literal(to_param(node));
  }
}

std::map<std::string, std::string> flattened(const std::string& text, const std::string& name) {
  std::map<std::string, std::string> out;
  flatten(parse_toml_tree(text, name), "", out);
  return out;
}

}  // namespace

std::vector<TomlChange> toml_changes(const std::string& before, const std::string& after) {
  const auto old_values = flattened(before, "the old configuration");
  auto new_values = flattened(after, "the new configuration");
  std::map<std::string, TomlChange> changes;
  for (const auto& [key, value] : old_values)
    if (const auto found = new_values.find(key); found == new_values.end() || found->second != value)
      changes[key] = {key, value, found == new_values.end() ? "" : found->second};
  for (const auto& [key, value] : new_values)
    if (old_values.count(key) == 0) changes[key] = {key, "", value};
  std::vector<TomlChange> out;
  for (auto& [key, change] : changes) out.push_back(std::move(change));
  return out;
}

}  // namespace espalier
