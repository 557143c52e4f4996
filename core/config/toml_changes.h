// What changed between two configurations, key by key.
#pragma once

#include <string>
#include <vector>

namespace espalier {

struct TomlChange {
  std::string key;            // "optimizer.lr", "data.sources[books].weight" (by name, else by number)
  std::string before, after;  // TOML literals; empty: the key is not there
  friend bool operator==(const TomlChange&, const TomlChange&) = default;
};

// Keys whose values differ, in the order of their names. Throws Error(config) when a text is not TOML.
std::vector<TomlChange> toml_changes(const std::string& before, const std::string& after);

}  // namespace espalier
