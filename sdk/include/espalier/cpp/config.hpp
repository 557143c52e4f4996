// The user's parameters, already checked by the host against the schema.
#pragma once

#include <espalier/plugin.h>
#include <espalier/cpp/error.hpp>
#include <espalier/cpp/sized.hpp>
#include <espalier/cpp/text.hpp>

#include <string>
#include <vector>

namespace espalier::sdk {

/// An amount of training: in TOML "1000st", "2ep", "1e9tok", "0.3dur" or "1e15flop"; here optimizer steps.
struct Duration {
  Duration(const char* default_text) : text(default_text) {}

  std::string text;        ///< the default, as the user would write it
  std::int64_t steps = 0;  ///< filled by the host before any method of the plugin runs
};

/// Typed getters; each throws Error, naming the key, where the host has no such value.
class Config {
 public:
  explicit Config(const esp_config* raw) : raw_(raw), table_(sized_copy(raw)) {}

  void read(const char* key, bool& out) const { out = i64(key, 0) != 0; }
  void read(const char* key, std::int64_t& out) const { out = i64(key, 0); }
  void read(const char* key, double& out) const { out = f64(key, 0); }
  void read(const char* key, std::string& out) const { out = text(key, 0); }
  void read(const char* key, Duration& out) const { out.steps = i64(key, 0); }
  void read(const char* key, std::vector<std::int64_t>& out) const { read_list(key, out, &Config::i64); }
  void read(const char* key, std::vector<double>& out) const { read_list(key, out, &Config::f64); }
  void read(const char* key, std::vector<std::string>& out) const { read_list(key, out, &Config::text); }

 private:
  std::int64_t i64(const char* key, std::uint64_t index) const {
    std::int64_t out = 0;
    check(key, table_.i64 == nullptr ? ESP_UNIMPLEMENTED : table_.i64(raw_, key, index, &out));
    return out;
  }

  double f64(const char* key, std::uint64_t index) const {
    double out = 0;
    check(key, table_.f64 == nullptr ? ESP_UNIMPLEMENTED : table_.f64(raw_, key, index, &out));
    return out;
  }

  std::string text(const char* key, std::uint64_t index) const {
    esp_str out{};
    check(key, table_.str == nullptr ? ESP_UNIMPLEMENTED : table_.str(raw_, key, index, &out));
    return std::string(view(out));
  }

  template <class Item>
  void read_list(const char* key, std::vector<Item>& out, Item (Config::*get)(const char*, std::uint64_t) const) const {
    std::uint64_t count = 0;
    check(key, table_.count == nullptr ? ESP_UNIMPLEMENTED : table_.count(raw_, key, &count));
    out.clear();
    for (std::uint64_t i = 0; i < count; ++i) out.push_back((this->*get)(key, i));
  }

  static void check(const char* key, esp_status status) {
    if (status != ESP_OK) throw Error(status, cat("the host gives no usable value for parameter '", key, "'"));
  }

  const esp_config* raw_;
  esp_config table_;
};

}  // namespace espalier::sdk
