// A value from a plugin's `params` table, kept with its place so that the plugin's own schema can be checked later.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace espalier {

using ParamScalar = std::variant<bool, int64_t, double, std::string>;

struct ParamValue {
  bool is_list = false;
  std::vector<ParamScalar> items;  // one item for a scalar
  std::string place;               // file:line:column
};

// `plugin = "<id or short name>"` and its sibling `params` table.
struct PluginChoice {
  std::string plugin;  // empty: none chosen
  std::string place;
  std::map<std::string, ParamValue> params;
};

}  // namespace espalier
