// A difficulty plugin that runs in a process of its own.
#pragma once

#include <chrono>

#include "core/plugin/difficulty_adapter.h"

namespace espalier::plugin {

// As make_difficulty(), but the library is never loaded into this process: a scorer that crashes, exits or hangs is
// Error(plugin). score() runs on several threads at once where the plugin claims to be reentrant, and scorers from
// another() each in a process of their own. A call that takes longer than `timeout` is given up.
DifficultyPlugin make_isolated_difficulty(Registry& registry, const PluginChoice& choice, const PluginSetup& setup,
                                          std::chrono::milliseconds timeout);

}  // namespace espalier::plugin
