// Which plugins took part in a run: kept in its checkpoints, told in its log.
#pragma once

#include <string>
#include <vector>

#include "core/plugin/instance.h"
#include "core/plugin/registry.h"
#include "core/train/state.h"

namespace espalier {

PluginRecord record_of(const std::string& slot, const plugin::PluginIdentity& identity);
// For whoever looks for them again.
std::vector<plugin::PluginOrigin> origins_of(const std::vector<PluginRecord>& records);
// A line for each: slot, id, version, library, hash, and what else goes by that id.
void log_plugins(const std::vector<PluginRecord>& records, const plugin::Registry& registry);

}  // namespace espalier
