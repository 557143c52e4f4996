// The mixture schedule of a run: over difficulty tiers, over sources, or over both, whichever it can fill.
#pragma once

#include <vector>

#include "core/data/stream/config.h"
#include "core/plugin/schedule_adapter.h"
#include "core/train/decisions.h"

namespace espalier {

// Asks the plugin for all it might fill, then for the tiers alone, then for the sources alone, and notes in `decisions`
// what it fills (num_tiers is given). Throws Error(config) where the plugin was chosen when it fills neither.
plugin::SchedulePlugin make_mixture(plugin::Registry& registry, const PluginChoice& choice,
                                    const plugin::PluginSetup& setup, const Progress& start,
                                    const std::vector<SourceConfig>& sources, Decisions& decisions);

}  // namespace espalier
