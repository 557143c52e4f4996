#include "sdk/fake_config.h"

#include <espalier/cpp/text.hpp>

#include <algorithm>
#include <cmath>
#include <set>
#include <stdexcept>

namespace espalier::sdk_test {

namespace {

std::string trimmed(const std::string& text) {
  const std::size_t begin = text.find_first_not_of(" ");
  if (begin == std::string::npos) return "";
  return text.substr(begin, text.find_last_not_of(" ") - begin + 1);
}

std::string unquoted(const std::string& text) {
  if (text.size() < 2 || text.front() != '"' || text.back() != '"') {
    throw std::invalid_argument(sdk::cat("not a TOML string: ", text));
  }
  std::string out;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '\\') ++i;  // the escapes \" and \\ are all that a default needs
    out += text[i];
  }
  return out;
}

/// "100st" or "0.2dur" in steps.
std::string steps_of(const std::string& duration, std::uint64_t total_steps) {
  std::size_t used = 0;
  const double amount = std::stod(duration, &used);
  const std::string unit = duration.substr(used);
  if (unit == "st") return std::to_string(std::llround(amount));
  if (unit == "dur") return std::to_string(std::llround(amount * static_cast<double>(total_steps)));
  throw std::invalid_argument(sdk::cat("this test knows durations in st and dur only: ", duration));
}

bool is_list(std::uint32_t type) {
  return type >= ESP_PARAM_I64_LIST;
}

std::vector<std::string> items_of(std::uint32_t type, const std::string& literal) {
  if (!is_list(type)) return {trimmed(literal)};
  std::vector<std::string> items;
  std::string rest = trimmed(literal);
  if (rest.size() < 2 || rest.front() != '[' || rest.back() != ']')
    throw std::invalid_argument(sdk::cat("no list: ", literal));
  rest = rest.substr(1, rest.size() - 2);
  while (!trimmed(rest).empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    items.push_back(trimmed(rest.substr(0, comma)));
    rest = rest.substr(std::min(comma + 1, rest.size()));
  }
  return items;
}

}  // namespace

FakeConfig::FakeConfig(const esp_desc& desc, const Overrides& overrides, std::uint64_t total_steps) {
  table_ = {sizeof(esp_config), 0, this, &FakeConfig::count, &FakeConfig::i64, &FakeConfig::f64, &FakeConfig::str};
  for (std::uint32_t i = 0; i < desc.num_params; ++i) {
    const esp_param& param = desc.params[i];
    const std::string key(sdk::view(param.key));
    const auto given = overrides.find(key);
    if (given == overrides.end() && (param.flags & ESP_PARAM_REQUIRED) != 0) {
      throw std::invalid_argument(sdk::cat("required: ", key));
    }
    const std::string literal = given == overrides.end() ? std::string(sdk::view(param.default_value)) : given->second;
    values_[key] = parse(param, literal, total_steps);
  }
  for (const auto& [key, literal] : overrides) {
    if (values_.count(key) == 0) throw std::invalid_argument(sdk::cat("unknown parameter: ", key));
  }
}

FakeConfig::Value FakeConfig::parse(const esp_param& param, const std::string& literal, std::uint64_t total_steps) {
  Value value;
  value.type = param.type;
  for (std::string item : items_of(param.type, literal)) {
    if (param.type == ESP_PARAM_STR || param.type == ESP_PARAM_STR_LIST) item = unquoted(item);
    if (param.type == ESP_PARAM_DURATION) item = steps_of(unquoted(item), total_steps);
    if (param.type == ESP_PARAM_BOOL) {
      if (item != "true" && item != "false") throw std::invalid_argument(sdk::cat("no bool: ", item));
      item.assign(1, item == "true" ? '1' : '0');
    }
    check(param, item);
    value.items.push_back(item);
  }
  return value;
}

void FakeConfig::check(const esp_param& param, const std::string& item) {
  if (param.type == ESP_PARAM_STR || param.type == ESP_PARAM_STR_LIST) {
    const auto matches = [&](const esp_str& choice) { return sdk::view(choice) == item; };
    if (param.num_choices > 0 && std::none_of(param.choices, param.choices + param.num_choices, matches)) {
      throw std::invalid_argument(sdk::cat("not a choice: ", item));
    }
    return;
  }
  const double number = std::stod(item);
  const bool too_small = (param.flags & ESP_PARAM_MIN_OPEN) != 0 ? number <= param.min : number < param.min;
  if ((param.flags & ESP_PARAM_HAS_MIN) != 0 && too_small) throw std::invalid_argument(sdk::cat("too small: ", item));
  if ((param.flags & ESP_PARAM_HAS_MAX) != 0 && number > param.max)
    throw std::invalid_argument(sdk::cat("too large: ", item));
}

const FakeConfig::Value* FakeConfig::find(const esp_config* config, const char* key, std::uint64_t index) {
  const auto& values = static_cast<const FakeConfig*>(config->impl)->values_;
  const auto found = values.find(key);
  return found == values.end() || index >= found->second.items.size() ? nullptr : &found->second;
}

esp_status FakeConfig::count(const esp_config* config, const char* key, std::uint64_t* out) {
  const auto& values = static_cast<const FakeConfig*>(config->impl)->values_;
  const auto found = values.find(key);
  if (found == values.end()) return ESP_NOT_FOUND;
  *out = found->second.items.size();
  return ESP_OK;
}

esp_status FakeConfig::i64(const esp_config* config, const char* key, std::uint64_t index, std::int64_t* out) {
  static const std::set<std::uint32_t> kTypes = {ESP_PARAM_BOOL, ESP_PARAM_I64, ESP_PARAM_DURATION, ESP_PARAM_I64_LIST};
  const Value* value = find(config, key, index);
  if (value == nullptr) return ESP_NOT_FOUND;
  if (kTypes.count(value->type) == 0) return ESP_INVALID_ARGUMENT;
  *out = std::stoll(value->items[index]);
  return ESP_OK;
}

esp_status FakeConfig::f64(const esp_config* config, const char* key, std::uint64_t index, double* out) {
  static const std::set<std::uint32_t> kTypes = {ESP_PARAM_F64, ESP_PARAM_I64, ESP_PARAM_F64_LIST, ESP_PARAM_I64_LIST};
  const Value* value = find(config, key, index);
  if (value == nullptr) return ESP_NOT_FOUND;
  if (kTypes.count(value->type) == 0) return ESP_INVALID_ARGUMENT;
  *out = std::stod(value->items[index]);
  return ESP_OK;
}

esp_status FakeConfig::str(const esp_config* config, const char* key, std::uint64_t index, esp_str* out) {
  const Value* value = find(config, key, index);
  if (value == nullptr) return ESP_NOT_FOUND;
  if (value->type != ESP_PARAM_STR && value->type != ESP_PARAM_STR_LIST) return ESP_INVALID_ARGUMENT;
  *out = sdk::str(value->items[index]);
  return ESP_OK;
}

}  // namespace espalier::sdk_test
