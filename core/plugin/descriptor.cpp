#include "core/plugin/descriptor.h"

#include <fmt/format.h>

#include <cmath>
#include <set>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/plugin/foreign_text.h"
#include "core/plugin/schema.h"
#include "core/plugin/sized.h"

namespace espalier::plugin {
namespace {

constexpr uint32_t kMaxCount = 4096;  // of plugins, parameters, choices: more is a stray number

[[noreturn]] void refuse(const std::string& why, const std::string& who) {
  throw Error(ErrorCode::plugin, why, who);
}

void check_count(uint64_t count, const void* items, const char* what, const std::string& who) {
  if (count > kMaxCount) refuse(fmt::format("declares {} {}, more than {}", count, what, kMaxCount), who);
  if (count > 0 && items == nullptr) refuse(fmt::format("declares {} {} at a null pointer", count, what), who);
}

// Text that is shown in tables, comments of TOML and log lines.
std::string read_line(esp_str text, const char* what, const std::string& who) {
  std::string out = read_text(text, what, who);
  if (const size_t at = find_control(out); at != std::string::npos)
    refuse(fmt::format("gave a {} with a control character or line break at byte {}", what, at), who);
  return out;
}

ParamSpec read_param(const esp_param& theirs, const std::string& who) {
  ParamSpec out;
  out.key = read_line(theirs.key, "parameter key", who);
  if (const std::string problem = key_problem(out.key); !problem.empty())
    refuse(fmt::format("declares a parameter with the key '{}': {}", out.key, problem), who);
  out.doc = read_line(theirs.doc, "parameter doc", who);
  out.unit = read_line(theirs.unit, "parameter unit", who);
  out.default_literal = read_line(theirs.default_value, "parameter default", who);
  out.type = theirs.type;
  out.flags = theirs.flags;
  out.min = theirs.min;
  out.max = theirs.max;
  if (out.type < ESP_PARAM_BOOL || out.type > ESP_PARAM_STR_LIST)
    refuse(fmt::format("parameter '{}' has the unknown type {}", out.key, out.type), who);
  if (!std::isfinite(out.min) || !std::isfinite(out.max))
    refuse(fmt::format("parameter '{}' has a limit that is not finite", out.key), who);
  check_count(theirs.num_choices, theirs.choices, "choices", who);
  for (uint32_t i = 0; i < theirs.num_choices; ++i) out.choices.push_back(read_line(theirs.choices[i], "choice", who));
  return out;
}

std::vector<ParamSpec> read_params(const esp_desc& desc, const std::string& who) {
  std::vector<ParamSpec> out;
  check_count(desc.num_params, desc.params, "parameters", who);
  // An array of structs that may have grown: the plugin's own struct_size is the distance between items.
  const auto* at = reinterpret_cast<const char*>(desc.params);
  uint32_t stride = 0;
  std::set<std::string> keys;
  for (uint32_t i = 0; i < desc.num_params; ++i) {
    const auto theirs = sized_copy<esp_param>(at, ESPALIER_SIZE_UP_TO(esp_param, choices), "parameter", who);
    if (i > 0 && theirs.struct_size != stride) refuse("declares parameters with differing struct_size", who);
    stride = theirs.struct_size;
    at += stride;
    out.push_back(read_param(theirs, who));
    if (!keys.insert(out.back().key).second)
      refuse(fmt::format("declares the parameter '{}' twice", out.back().key), who);
  }
  return out;
}

PluginInfo read_descriptor(const esp_desc* theirs, Kind kind, const std::string& file) {
  const auto desc = sized_copy<esp_desc>(theirs, ESPALIER_SIZE_UP_TO(esp_desc, params), "descriptor", file);
  PluginInfo out;
  out.kind = kind;
  out.id = read_line(desc.id, "id", file);
  if (const std::string problem = id_problem(out.id); !problem.empty())
    refuse(fmt::format("has a plugin with the id '{}': {}", out.id, problem), file);
  const std::string who = fmt::format("{} ({})", out.id, file);
  out.name = read_line(desc.name, "name", who);
  out.version = read_line(desc.version, "version", who);
  if (out.version.empty()) refuse("declares no version", who);
  out.vendor = read_line(desc.vendor, "vendor", who);
  out.license = read_line(desc.license, "license", who);
  out.summary = read_line(desc.summary, "summary", who);
  out.url = read_line(desc.url, "url", who);
  out.citation = without_controls(read_text(desc.citation, "citation", who));  // BibTeX has line breaks
  out.claims = desc.claims;
  out.preserve_tol = desc.preserve_tol;
  out.state_version = desc.state_version;
  if (!(out.preserve_tol >= 0) || !std::isfinite(out.preserve_tol))
    refuse("its preserve_tol is not a number >= 0", who);
  out.params = read_params(desc, who);
  check_schema(out, who);
  return out;
}

}  // namespace

std::string read_text(esp_str text, const char* what, const std::string& who) {
  constexpr uint64_t kMaxText = 1U << 20;
  if (text.size == 0) return {};
  if (text.data == nullptr) refuse(fmt::format("gave a {} of {} bytes at a null pointer", what, text.size), who);
  if (text.size > kMaxText) refuse(fmt::format("gave a {} of {} bytes", what, text.size), who);
  std::string out(text.data, text.size);
  if (find_invalid_utf8(out) != std::string::npos) refuse(fmt::format("gave a {} that is not UTF-8", what), who);
  return out;
}

std::vector<PluginInfo> read_descriptors(const esp_factory& factory, Kind kind, const std::string& who) {
  std::vector<PluginInfo> out;
  std::set<std::string> ids;
  check_count(factory.count, factory.descs, "plugins", who);
  for (uint32_t i = 0; i < factory.count; ++i) {
    out.push_back(read_descriptor(factory.descs[i], kind, who));
    if (!ids.insert(out.back().id).second) refuse(fmt::format("offers the plugin '{}' twice", out.back().id), who);
  }
  return out;
}

}  // namespace espalier::plugin
