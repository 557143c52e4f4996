// Where a run's plugins come from, and what every one of them is given.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/checkpoint/snapshot/checkpoint.h"
#include "core/plugin/instance.h"
#include "core/run/config.h"

namespace espalier {

struct PluginHost {
  std::unique_ptr<plugin::Registry> registry;
  plugin::PluginSetup setup;  // without the length of the run

  // The same for plugins whose parameters may be durations.
  plugin::PluginSetup setup_for(const RunLength& run) const;
};

// `plugin_paths`: of the command line. A plugin of `resumed` that is missing is told apart by what the checkpoint says
// of it, and is looked for where it lay then; may be null.
PluginHost open_plugins(const RunConfig& config, const std::vector<std::string>& plugin_paths,
                        const Snapshot* resumed = nullptr);

// A plugin that takes part in a run, and what for: "growth", "schedule.lr", "difficulty.input.<id>", ...
struct PluginUse {
  std::string slot;
  plugin::PluginIdentity identity;
};
using PluginUses = std::vector<PluginUse>;
PluginUses plugins_of(std::initializer_list<PluginUses> parts);

}  // namespace espalier
