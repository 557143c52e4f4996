// The user's `params` against what the plugin declares, before any code of the plugin sees them.
#pragma once

#include <espalier/plugin.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/config/duration.h"
#include "core/config/param_value.h"
#include "core/plugin/plugin_info.h"

namespace espalier::plugin {

// A defect of the declaration itself: a default that the schema refuses, limits the wrong way round, choices for
// something other than text. Throws Error(plugin, place = who).
void check_schema(const PluginInfo& info, const std::string& who);

// Checks the user's parameters without turning durations into steps. Throws Error(config) at the place of the value for
// an unknown key, a wrong type, a number out of range or a text that is no choice, and at the place of the plugin's
// choice for a missing required parameter.
void check_params(const PluginInfo& info, const PluginChoice& choice);

// Every declared parameter with its value: the user's, or the default.
class ResolvedParams {
 public:
  // As check_params; and throws Error(config) for a duration whose unit cannot be measured in `run`.
  ResolvedParams(const PluginInfo& info, const PluginChoice& choice, const RunLength& run);

  // For config.resolved.toml: durations as text, numbers in the declared type.
  const std::map<std::string, ParamValue>& values() const { return values_; }
  // One line of JSON with sorted keys, for manifests and fingerprints.
  std::string json() const;
  // The plugin's view; points into *this, which must not move while the view is used.
  esp_config table() const;

 private:
  static esp_status count(const esp_config* table, const char* key, uint64_t* out) noexcept;
  static esp_status i64(const esp_config* table, const char* key, uint64_t index, int64_t* out) noexcept;
  static esp_status f64(const esp_config* table, const char* key, uint64_t index, double* out) noexcept;
  static esp_status str(const esp_config* table, const char* key, uint64_t index, esp_str* out) noexcept;
  static const ParamScalar* find(const esp_config* table, const char* key, uint64_t index, esp_status* status);

  std::map<std::string, ParamValue> values_;
  std::map<std::string, ParamScalar> steps_;  // of the durations
};

}  // namespace espalier::plugin
