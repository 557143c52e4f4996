// A growth plugin that runs in a process of its own.
#pragma once

#include "core/plugin/growth_adapter.h"

namespace espalier::plugin {

// As make_growth(), but the library is never loaded into this process: a plugin that crashes, exits or hangs is
// Error(plugin). A call that takes longer than setup.isolate is given up.
GrowthPlugin make_isolated_growth(Registry& registry, const PluginChoice& choice, const PluginSetup& setup);

}  // namespace espalier::plugin
