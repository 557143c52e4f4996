
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/plugin/probe.h"

namespace espalier::plugin {

using nlohmann::json;

std::string write_report(const ProbeResult& result) {
  json report{{"status", result.status}, {"sha256", result.sha256}, {"plugins", json::array()}};
  for (const PluginInfo& info : result.plugins) report["plugins"].push_back(own_json(to_json(info)));
  // A status may quote bytes of the library: keep the report valid whatever they are.
  return report.dump(-1, ' ', false, json::error_handler_t::replace);
}

void read_report(const std::string& text, ProbeResult& result) {
  try {
    const auto parsed = parse_json_object(text);
    if (!parsed) throw Error(ErrorCode::plugin, "unreadable report of a probe: not a JSON object");
    const json& report = *parsed;
    std::vector<PluginInfo> plugins;
    for (const json& info : report.at("plugins")) plugins.push_back(from_json(info.dump()));
    result.status = report.at("status").get<std::string>();
    result.plugins = std::move(plugins);
    // Of the bytes that were loaded; the file may have changed since it was hashed here.
    if (const auto sha256 = report.value("sha256", std::string()); !sha256.empty()) result.sha256 = sha256;
  } catch (const json::exception& error) {
    throw Error(ErrorCode::plugin, std::string("unreadable report of a probe: ") + error.what());
  }
}

}  // namespace espalier::plugin
