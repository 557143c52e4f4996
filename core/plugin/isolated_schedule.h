// A schedule plugin that runs in a process of its own.
#pragma once

#include "core/plugin/schedule_adapter.h"

namespace espalier::plugin {

// As make_schedule(), but the library is never loaded into this process: a plugin that crashes, exits or hangs is
// Error(plugin). A call that takes longer than setup.isolate is given up.
SchedulePlugin make_isolated_schedule(Registry& registry, const PluginChoice& choice, const PluginSetup& setup,
                                      const std::vector<std::string>& keys, const Progress& start);

}  // namespace espalier::plugin
