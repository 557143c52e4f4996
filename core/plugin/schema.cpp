#include "core/plugin/schema.h"

#include <fmt/format.h>

#include "core/base/error.h"
#include "core/base/home.h"
#include "core/base/json.h"
#include "core/base/text.h"
#include "core/config/field_checks.h"
#include "core/config/param_text.h"

namespace espalier::plugin {
namespace {

struct Problem {
  std::string message, hint;
};

std::string wrong_type(const ParamSpec& spec) {
  switch (spec.type) {
    case ESP_PARAM_BOOL:
      return "true or false";
    case ESP_PARAM_I64:
      return "an integer";
    case ESP_PARAM_F64:
      return "a number";
    case ESP_PARAM_STR:
      return "a text";
    case ESP_PARAM_DURATION:
      return R"(a duration such as "1000st", "2ep", "1e9tok" or "0.3dur", or a whole number of steps)";
    default:
      return "a " + spec.type_name();
  }
}

std::optional<Problem> check_number(double value, const ParamSpec& spec) {
  if (const auto problem = check_range(value, spec.range())) return Problem{*problem, ""};
  return std::nullopt;
}

// Checks one scalar and turns it into the declared type: integers become numbers, durations become their text.
std::optional<Problem> take_scalar(const ParamSpec& spec, const std::string& place, ParamScalar& scalar) {
  const Problem type_problem{fmt::format("expected {}, got {}", wrong_type(spec), describe_type({false, {scalar}, ""})),
                             type_hint(scalar, spec.type == ESP_PARAM_STR)};
  switch (spec.type) {
    case ESP_PARAM_BOOL:
      if (std::holds_alternative<bool>(scalar)) return std::nullopt;
      return type_problem;
    case ESP_PARAM_I64:
    case ESP_PARAM_I64_LIST:
      if (!std::holds_alternative<int64_t>(scalar)) return type_problem;
      return check_number(static_cast<double>(std::get<int64_t>(scalar)), spec);
    case ESP_PARAM_F64:
    case ESP_PARAM_F64_LIST: {
      double value = 0;
      if (!scalar_as(scalar, value)) return type_problem;
      scalar = value;
      return check_number(value, spec);
    }
    case ESP_PARAM_STR:
    case ESP_PARAM_STR_LIST: {
      if (!std::holds_alternative<std::string>(scalar)) return type_problem;
      if (auto problem = check_choice(std::get<std::string>(scalar), spec.choices))
        return Problem{problem->message, problem->hint};
      return std::nullopt;
    }
    default: {
      if (const auto* steps = std::get_if<int64_t>(&scalar)) {
        if (*steps < 0) return Problem{fmt::format("a duration must not be negative, got {}", *steps), ""};
        scalar = Duration::of_steps(*steps).to_string();
      }
      if (!std::holds_alternative<std::string>(scalar)) return type_problem;
      try {
        scalar = Duration::parse(std::get<std::string>(scalar), place).to_string();
      } catch (const Error& error) {
        return Problem{error.message(), error.hint()};
      }
      return std::nullopt;
    }
  }
}

std::optional<Problem> take_value(const ParamSpec& spec, ParamValue& value) {
  if (value.is_list != spec.is_list())
    return Problem{fmt::format("expected {}, got {}", wrong_type(spec), describe_type(value)),
                   spec.is_list() ? "put it in brackets: [...]" : ""};
  for (ParamScalar& scalar : value.items)
    if (auto problem = take_scalar(spec, value.place, scalar)) return problem;
  return std::nullopt;
}

const ParamSpec* spec_of(const PluginInfo& info, const std::string& key) {
  for (const ParamSpec& spec : info.params)
    if (spec.key == key) return &spec;
  return nullptr;
}

void refuse_unknown(const PluginInfo& info, const PluginChoice& choice) {
  for (const auto& [key, value] : choice.params) {
    if (spec_of(info, key) != nullptr) continue;
    std::vector<std::string> keys;
    for (const ParamSpec& spec : info.params) keys.push_back(spec.key);
    std::string hint = did_you_mean(key, keys);
    if (hint.empty()) hint = keys.empty() ? "it takes none" : fmt::format("it takes: {}", fmt::join(keys, ", "));
    throw Error(ErrorCode::config, fmt::format("{} has no parameter '{}'", info.id, key), value.place, hint);
  }
}

// The user's value or the default, checked.
ParamValue value_for(const PluginInfo& info, const ParamSpec& spec, const PluginChoice& choice) {
  const auto given = choice.params.find(spec.key);
  if (given == choice.params.end() && spec.required())
    throw Error(ErrorCode::config, fmt::format("{} needs the parameter '{}' ({})", info.id, spec.key, spec.type_name()),
                choice.place, fmt::format("add `{} = ...` to its params: {}", toml_key(spec.key), spec.doc));
  const bool user = given != choice.params.end();
  ParamValue value = user ? given->second : parse_param(spec.default_literal, "the default of " + spec.key);
  if (const auto problem = take_value(spec, value))
    throw Error(user ? ErrorCode::config : ErrorCode::plugin,
                fmt::format("parameter '{}' of {}: {}", spec.key, info.id, problem->message), value.place,
                problem->hint);
  if ((spec.flags & ESP_PARAM_PATH) != 0)
    for (ParamScalar& scalar : value.items)
      if (auto* text = std::get_if<std::string>(&scalar)) *text = absolute_path(*text);
  return value;
}

}  // namespace

void check_schema(const PluginInfo& info, const std::string& who) {
  for (const ParamSpec& spec : info.params) {
    const auto refuse = [&](const std::string& why) {
      throw Error(ErrorCode::plugin, fmt::format("its parameter '{}' is declared wrongly: {}", spec.key, why), who);
    };
    const Range range = spec.range();
    if (range.min > range.max) refuse(fmt::format("min {} is above max {}", range.min, range.max));
    if (!spec.choices.empty() && spec.type != ESP_PARAM_STR && spec.type != ESP_PARAM_STR_LIST)
      refuse("it has choices but is not text");
    if (spec.required()) continue;
    if (spec.default_literal.empty()) refuse("it is not required and has no default");
    try {
      value_for(info, spec, {});
    } catch (const Error& error) {
      refuse(fmt::format("the default is `{}`: {}", spec.default_literal, error.message()));
    }
  }
}

void check_params(const PluginInfo& info, const PluginChoice& choice) {
  refuse_unknown(info, choice);
  for (const ParamSpec& spec : info.params) value_for(info, spec, choice);
}

ResolvedParams::ResolvedParams(const PluginInfo& info, const PluginChoice& choice, const RunLength& run) {
  refuse_unknown(info, choice);
  for (const ParamSpec& spec : info.params) {
    const ParamValue& value = values_[spec.key] = value_for(info, spec, choice);
    if (spec.type != ESP_PARAM_DURATION) continue;
    const auto duration = Duration::parse(std::get<std::string>(value.items.at(0)), value.place);
    const int64_t steps = duration.to_steps(run, value.place);
    if (const auto problem = check_range(static_cast<double>(steps), spec.range()))
      throw Error(
          ErrorCode::config,
          fmt::format("parameter '{}' of {}, {} in steps: {}", spec.key, info.id, duration.to_string(), *problem),
          value.place);
    steps_[spec.key] = steps;
  }
}

std::string ResolvedParams::json() const {
  nlohmann::json out = nlohmann::json::object();
  for (const auto& [key, value] : values_) {
    nlohmann::json items = nlohmann::json::array();
    for (const ParamScalar& scalar : value.items) std::visit([&](const auto& item) { items.push_back(item); }, scalar);
    out[key] = value.is_list ? items : items.at(0);
  }
  return out.dump();
}

esp_config ResolvedParams::table() const {
  return {sizeof(esp_config), 0, this, &count, &i64, &f64, &str};
}

esp_status ResolvedParams::count(const esp_config* table, const char* key, uint64_t* out) noexcept {
  if (table == nullptr || key == nullptr || out == nullptr) return ESP_INVALID_ARGUMENT;
  const auto& values = static_cast<const ResolvedParams*>(table->impl)->values_;
  const auto found = values.find(key);
  if (found == values.end()) return ESP_NOT_FOUND;
  *out = found->second.items.size();
  return ESP_OK;
}

const ParamScalar* ResolvedParams::find(const esp_config* table, const char* key, uint64_t index, esp_status* status) {
  *status = ESP_INVALID_ARGUMENT;
  if (table == nullptr || key == nullptr) return nullptr;
  *status = ESP_NOT_FOUND;
  const auto& values = static_cast<const ResolvedParams*>(table->impl)->values_;
  const auto found = values.find(key);
  if (found == values.end() || index >= found->second.items.size()) return nullptr;
  *status = ESP_INVALID_ARGUMENT;  // what it is when the caller cannot use the type
  return &found->second.items[static_cast<size_t>(index)];
}

esp_status ResolvedParams::i64(const esp_config* table, const char* key, uint64_t index, int64_t* out) noexcept {
  esp_status status = ESP_OK;
  const ParamScalar* scalar = find(table, key, index, &status);
  if (scalar == nullptr || out == nullptr) return status;
  const auto& steps = static_cast<const ResolvedParams*>(table->impl)->steps_;
  if (const auto found = steps.find(key); found != steps.end()) scalar = &found->second;
  if (const auto* flag = std::get_if<bool>(scalar)) return *out = *flag ? 1 : 0, ESP_OK;
  if (const auto* integer = std::get_if<int64_t>(scalar)) return *out = *integer, ESP_OK;
  return status;
}

esp_status ResolvedParams::f64(const esp_config* table, const char* key, uint64_t index, double* out) noexcept {
  esp_status status = ESP_OK;
  const ParamScalar* scalar = find(table, key, index, &status);
  if (scalar == nullptr || out == nullptr) return status;
  return scalar_as(*scalar, *out) ? ESP_OK : status;
}

esp_status ResolvedParams::str(const esp_config* table, const char* key, uint64_t index, esp_str* out) noexcept {
  esp_status status = ESP_OK;
  const ParamScalar* scalar = find(table, key, index, &status);
  if (scalar == nullptr || out == nullptr) return status;
  const auto* text = std::get_if<std::string>(scalar);
  if (text == nullptr) return status;
  *out = {text->data(), text->size()};
  return ESP_OK;
}

}  // namespace espalier::plugin
