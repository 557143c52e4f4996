// A growth plugin as the host's growth::Strategy.
#pragma once

#include <memory>

#include "core/growth/strategy.h"
#include "core/plugin/instance.h"

namespace espalier::plugin {

struct GrowthPlugin {
  std::unique_ptr<growth::Strategy> strategy;
  PluginIdentity identity;
};

// Throws Error(plugin) when there is no such plugin or it misbehaves, Error(config) for a parameter that does not fit.
// Every answer of the plugin is checked; what cannot be is Error(plugin) with the plugin id as its place.
// The strategy is for the driver thread.
GrowthPlugin make_growth(Registry& registry, const PluginChoice& choice, const PluginSetup& setup);

}  // namespace espalier::plugin
