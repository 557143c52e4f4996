// What a plugin says about itself, copied out of its static tables: plain data that outlives the library.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/config/fields.h"

namespace espalier::plugin {

enum class Kind { growth, difficulty, schedule };

inline constexpr Kind kAllKinds[] = {Kind::growth, Kind::difficulty, Kind::schedule};
const char* name_of(Kind kind);     // "growth"
const char* factory_id(Kind kind);  // "esp.growth/0"
std::optional<Kind> kind_of(std::string_view name);

// One declared parameter (esp_param). `default_literal` is a TOML literal; empty for a required one.
struct ParamSpec {
  std::string key, doc, unit, default_literal;
  uint32_t type = 0, flags = 0;  // ESP_PARAM_*
  double min = 0, max = 0;
  std::vector<std::string> choices;

  bool required() const;
  bool is_list() const;
  Range range() const;
  // "integer", "text", "list of numbers", ... and "at least 1", "\"copy\" or \"zero\"", or "".
  std::string type_name() const;
  std::string allowed() const;
  friend bool operator==(const ParamSpec&, const ParamSpec&) = default;
};

struct PluginInfo {
  Kind kind = Kind::growth;
  std::string id, name, version, vendor, license, summary, url, citation;
  uint64_t claims = 0;  // ESP_CLAIM_*
  double preserve_tol = 0;
  uint32_t state_version = 0;
  std::vector<ParamSpec> params;

  // The last part of the id: "org.espalier.growth.midas" -> "midas".
  std::string short_name() const;
  bool claims_any(uint64_t bits) const { return (claims & bits) != 0; }
  // "deterministic", "preserving", ... of the claims that are set.
  std::vector<std::string> claim_names() const;
  friend bool operator==(const PluginInfo&, const PluginInfo&) = default;
};

// A table to paste into a run's TOML: the plugin chosen, every parameter at its default with its meaning beside it.
std::string toml_block(const PluginInfo& info);

// JSON of one plugin and back. from_json throws Error(plugin) for text that is not such an object.
std::string to_json(const PluginInfo& info);
PluginInfo from_json(const std::string& text);

}  // namespace espalier::plugin
