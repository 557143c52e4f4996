// The state of a run's plugins in a checkpoint: slot to bytes.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "core/run/plugin_host.h"
#include "core/train/decisions.h"

namespace espalier {

// Of the plugins that have state. A plugin that cannot save is named in `left_out`; without it, its Error is thrown.
std::map<std::string, std::string> save_plugin_state(const Decisions& decisions,
                                                     std::vector<std::string>* left_out = nullptr);
// Gives the learning rate and the mixture their state back: they are planned with it. `now`: the plugins of this run.
void load_planned_state(const Decisions& decisions, const PluginUses& now, const Snapshot& snapshot);
// Gives the others theirs, and logs which start afresh: one whose state could not be saved, or is another plugin's.
void load_plugin_state(const Decisions& decisions, const PluginUses& now, const Snapshot& snapshot);

}  // namespace espalier
