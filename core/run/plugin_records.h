// Which plugins took part in a run: kept in its checkpoints, told in its log.
#pragma once

#include <string>
#include <vector>

#include "core/plugin/registry.h"
#include "core/run/plugin_host.h"
#include "core/train/state.h"

namespace espalier {

std::vector<PluginRecord> records_of(const PluginUses& plugins);
// For whoever looks for them again.
std::vector<plugin::PluginOrigin> origins_of(const std::vector<PluginRecord>& records);
// A line for each: slot, id, version, library, hash, and what else goes by that id.
void log_plugins(const PluginUses& plugins, const plugin::Registry& registry);
// The configuration as the run keeps it: with what the plugins are and what their parameters came to, and with
// `plugin_paths` of the command line before the configured ones.
RunConfig resolved_config(RunConfig config, const PluginUses& plugins, const std::vector<std::string>& plugin_paths);

}  // namespace espalier
