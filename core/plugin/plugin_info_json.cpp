
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/json_number.h"
#include "core/base/json_object.h"
#include "core/plugin/plugin_info.h"

namespace espalier::plugin {
namespace {

using nlohmann::json;

json to_object(const ParamSpec& param) {
  return {{"key", param.key},        {"doc", param.doc},     {"unit", param.unit}, {"default", param.default_literal},
          {"type", param.type},      {"flags", param.flags}, {"min", param.min},   {"max", param.max},
          {"choices", param.choices}};
}

ParamSpec param_from(const json& object) {
  ParamSpec out;
  object.at("key").get_to(out.key);
  object.at("doc").get_to(out.doc);
  object.at("unit").get_to(out.unit);
  object.at("default").get_to(out.default_literal);
  out.type = whole_number<uint32_t>(object.at("type"));
  out.flags = whole_number<uint32_t>(object.at("flags"));
  object.at("min").get_to(out.min);
  object.at("max").get_to(out.max);
  object.at("choices").get_to(out.choices);
  return out;
}

// The texts of a plugin under their names, for both directions.
template <class Info>
auto texts_of(Info& info) {
  return std::array{std::pair{"id", &info.id},           std::pair{"name", &info.name},
                    std::pair{"version", &info.version}, std::pair{"vendor", &info.vendor},
                    std::pair{"license", &info.license}, std::pair{"summary", &info.summary},
                    std::pair{"url", &info.url},         std::pair{"citation", &info.citation}};
}

}  // namespace

std::string to_json(const PluginInfo& info) {
  json object{{"kind", name_of(info.kind)},
              {"claims", info.claims},
              {"preserve_tol", info.preserve_tol},
              {"state_version", info.state_version},
              {"params", json::array()}};
  for (const auto& [key, text] : texts_of(info)) object[key] = *text;
  for (const ParamSpec& param : info.params) object["params"].push_back(to_object(param));
  return dump_json(object);
}

PluginInfo from_json(const std::string& text) {
  try {
    const json object = parse_json(text, ErrorCode::plugin, "description of a plugin");
    PluginInfo out;
    const auto kind = kind_of(object.at("kind").get<std::string>());
    if (!kind) throw Error(ErrorCode::plugin, "unknown kind of plugin in its description");
    out.kind = *kind;
    out.claims = whole_number<uint64_t>(object.at("claims"));
    object.at("preserve_tol").get_to(out.preserve_tol);
    out.state_version = whole_number<uint32_t>(object.at("state_version"));
    for (const auto& [key, field] : texts_of(out)) object.at(key).get_to(*field);
    for (const json& param : object.at("params")) out.params.push_back(param_from(param));
    return out;
  } catch (const json::exception& error) {
    throw Error(ErrorCode::plugin, std::string("unreadable description of a plugin: ") + error.what());
  }
}

}  // namespace espalier::plugin
