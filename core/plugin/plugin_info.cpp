#include "core/plugin/plugin_info.h"

#include <espalier/difficulty.h>
#include <espalier/growth.h>
#include <espalier/schedule.h>
#include <fmt/format.h>

#include <array>
#include <utility>

#include "core/config/field_checks.h"
#include "core/config/param_text.h"

namespace espalier::plugin {
namespace {

constexpr std::array<const char*, 9> kTypeNames{
    "?", "bool", "integer", "number", "text", "duration", "list of integers", "list of numbers", "list of texts"};
constexpr std::array<std::pair<uint64_t, const char*>, 4> kClaimNames{{{ESP_CLAIM_DETERMINISTIC, "deterministic"},
                                                                       {ESP_CLAIM_PRESERVING, "preserving"},
                                                                       {ESP_CLAIM_STATELESS, "stateless"},
                                                                       {ESP_CLAIM_REENTRANT, "reentrant"}}};

// The table of a run's TOML that chooses a plugin of the kind.
std::string table_of(Kind kind) {
  return kind == Kind::schedule ? "schedule.lr" : name_of(kind);
}

}  // namespace

const char* name_of(Kind kind) {
  switch (kind) {
    case Kind::growth:
      return "growth";
    case Kind::difficulty:
      return "difficulty";
    case Kind::schedule:
      return "schedule";
  }
  return "?";
}

const char* factory_id(Kind kind) {
  switch (kind) {
    case Kind::growth:
      return ESP_FACTORY_GROWTH;
    case Kind::difficulty:
      return ESP_FACTORY_DIFFICULTY;
    case Kind::schedule:
      return ESP_FACTORY_SCHEDULE;
  }
  return "?";
}

std::optional<Kind> kind_of(std::string_view name) {
  for (const Kind kind : kAllKinds)
    if (name == name_of(kind)) return kind;
  return std::nullopt;
}

bool ParamSpec::required() const {
  return (flags & ESP_PARAM_REQUIRED) != 0;
}

bool ParamSpec::is_list() const {
  return type == ESP_PARAM_I64_LIST || type == ESP_PARAM_F64_LIST || type == ESP_PARAM_STR_LIST;
}

Range ParamSpec::range() const {
  Range out;
  if ((flags & ESP_PARAM_HAS_MIN) != 0) out.min = min;
  if ((flags & ESP_PARAM_HAS_MAX) != 0) out.max = max;
  out.min_open = (flags & ESP_PARAM_MIN_OPEN) != 0;
  return out;
}

std::string ParamSpec::type_name() const {
  return kTypeNames[type < kTypeNames.size() ? type : 0];
}

std::string ParamSpec::allowed() const {
  if (choices.empty()) return describe_range(range());
  std::string out;
  for (const std::string& choice : choices) out += (out.empty() ? "" : ", ") + toml_text(choice);
  return out;
}

std::string PluginInfo::short_name() const {
  return id.substr(id.rfind('.') + 1);
}

std::vector<std::string> PluginInfo::claim_names() const {
  std::vector<std::string> out;
  for (const auto& [bit, claim] : kClaimNames)
    if ((claims & bit) != 0) out.emplace_back(claim);
  return out;
}

std::string toml_block(const PluginInfo& info) {
  const std::string table = table_of(info.kind);
  std::string out = fmt::format("[{}]{}\nplugin = {}\n", table,
                                info.kind == Kind::schedule ? "  # or schedule.growth, schedule.mixture" : "",
                                toml_text(info.short_name()));
  if (info.params.empty()) return out;
  out += fmt::format("[{}.params]\n", table);
  for (const ParamSpec& param : info.params) {
    std::string note = param.doc;
    if (!param.unit.empty()) note += fmt::format(" [{}]", param.unit);
    if (const std::string allowed = param.allowed(); !allowed.empty()) note += fmt::format(" ({})", allowed);
    if (param.required())
      out += fmt::format("# {} =   # required {}: {}\n", toml_key(param.key), param.type_name(), note);
    else
      out += fmt::format("{} = {}  # {}\n", toml_key(param.key), param.default_literal, note);
  }
  return out;
}

}  // namespace espalier::plugin
