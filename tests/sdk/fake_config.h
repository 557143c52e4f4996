// Parameters for a plugin under test: its declared defaults, overridden by TOML literals.
#pragma once

#include <espalier/plugin.h>

#include <map>
#include <string>
#include <vector>

namespace espalier::sdk_test {

/// Owns an esp_config. Durations are turned into steps of a run of `total_steps`.
class FakeConfig {
 public:
  using Overrides = std::map<std::string, std::string>;  // key -> TOML literal

  /// Throws std::invalid_argument for an unknown key, a missing required one, or a value outside the schema.
  FakeConfig(const esp_desc& desc, const Overrides& overrides, std::uint64_t total_steps);
  FakeConfig(const FakeConfig&) = delete;
  FakeConfig& operator=(const FakeConfig&) = delete;

  const esp_config* raw() const { return &table_; }

 private:
  struct Value {
    std::uint32_t type = 0;
    std::vector<std::string> items;  // without quotes; durations as steps
  };

  static const Value* find(const esp_config* config, const char* key, std::uint64_t index);
  static esp_status count(const esp_config* config, const char* key, std::uint64_t* out);
  static esp_status i64(const esp_config* config, const char* key, std::uint64_t index, std::int64_t* out);
  static esp_status f64(const esp_config* config, const char* key, std::uint64_t index, double* out);
  static esp_status str(const esp_config* config, const char* key, std::uint64_t index, esp_str* out);

  static Value parse(const esp_param& param, const std::string& literal, std::uint64_t total_steps);
  static void check(const esp_param& param, const std::string& item);

  std::map<std::string, Value> values_;
  esp_config table_{};
};

}  // namespace espalier::sdk_test
