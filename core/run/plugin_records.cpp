#include "core/run/plugin_records.h"

#include <algorithm>

#include "core/base/home.h"
#include "core/base/log.h"

namespace espalier {
namespace {

// The choice of a slot in the configuration; null for the scorers that another scorer asked for.
PluginChoice* choice_of(RunConfig& config, const std::string& slot) {
  auto& schedule = config.schedule;
  if (slot == "difficulty") return &config.difficulty.plugin;
  if (slot == "growth") return &config.growth.plugin;
  if (slot == "schedule.growth") return &schedule.growth.plugin;
  if (slot == "schedule.lr") return &schedule.lr.plugin;
  if (slot == "schedule.mixture") return &schedule.mixture.plugin;
  if (slot == "schedule.batch") return &schedule.batch.plugin;
  if (slot == "schedule.seq_len") return &schedule.seq_len.plugin;
  return nullptr;
}

}  // namespace

std::vector<PluginRecord> records_of(const PluginUses& plugins) {
  std::vector<PluginRecord> out;
  for (const auto& [slot, plugin] : plugins)
    out.push_back({slot, plugin.id, plugin.version, plugin.sha256, plugin.params_json, plugin.path});
  return out;
}

std::vector<plugin::PluginOrigin> origins_of(const std::vector<PluginRecord>& records) {
  std::vector<plugin::PluginOrigin> out;
  for (const auto& record : records) out.push_back({record.id, record.version, record.sha256, record.path});
  return out;
}

void log_plugins(const PluginUses& plugins, const plugin::Registry& registry) {
  for (const auto& [slot, plugin] : plugins) {
    log_info("{}: {} {} from {}, sha256 {}", slot, plugin.id, plugin.version, plugin.path, plugin.sha256);
    for (const auto& listing : registry.list())
      if (listing.id() == plugin.id && listing.path == plugin.path)
        for (const auto& other : registry.shadows(listing))
          log_info("  not used, though it has the same id: {}", other.string());
  }
}

RunConfig resolved_config(RunConfig config, const PluginUses& plugins, const std::vector<std::string>& plugin_paths) {
  for (const auto& [slot, plugin] : plugins)
    if (PluginChoice* choice = choice_of(config, slot)) {
      choice->plugin = plugin.id;
      choice->params = plugin.params;
    }
  std::vector<std::string> paths;
  for (const auto* more : {&plugin_paths, &std::as_const(config.plugins.paths)})
    for (const std::string& path : *more)
      if (const std::string absolute = absolute_path(path);
          std::find(paths.begin(), paths.end(), absolute) == paths.end())
        paths.push_back(absolute);
  config.plugins.paths = std::move(paths);
  return config;
}

}  // namespace espalier
