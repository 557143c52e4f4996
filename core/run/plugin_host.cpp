#include "core/run/plugin_host.h"

#include <chrono>
#include <cmath>

#include "core/run/plugin_records.h"
#include "core/run/signals.h"

namespace espalier {

plugin::PluginSetup PluginHost::setup_for(const RunLength& run) const {
  plugin::PluginSetup out = setup;
  out.run = run;
  return out;
}

PluginHost open_plugins(const RunConfig& config, const std::vector<std::string>& plugin_paths,
                        const Snapshot* resumed) {
  plugin::RegistryOptions options;
  options.arguments = plugin_paths;
  options.configured = config.plugins.paths;
  if (resumed != nullptr) options.resumed = origins_of(resumed->plugins);
  PluginHost host;
  host.registry = std::make_unique<plugin::Registry>(options);
  host.setup.seed = static_cast<uint64_t>(config.job.seed);
  host.setup.stop = &stop_flag();
  if (config.plugins.isolate)
    host.setup.isolate = std::chrono::milliseconds(std::llround(config.plugins.call_timeout * 1000));
  return host;
}

PluginUses plugins_of(std::initializer_list<PluginUses> parts) {
  PluginUses all;
  for (const PluginUses& part : parts) all.insert(all.end(), part.begin(), part.end());
  return all;
}

}  // namespace espalier
