// What the model is at each stage: the third of the values that a run is made of.
#pragma once

#include <optional>
#include <string>

#include "core/plugin/growth_adapter.h"
#include "core/run/plugin_host.h"

namespace espalier {

// The architecture that the run ends with. Throws Error(config).
ModelSpec final_spec_of(const RunConfig& config, int64_t vocab_size);

struct RunShape {
  ModelSpec final_spec;
  std::optional<plugin::GrowthPlugin> growth;  // none: a model of fixed size
  int64_t num_stages = 1;

  growth::Strategy* strategy() const { return growth ? growth->strategy.get() : nullptr; }
  PluginUses plugins() const;
};

// `length`: of the run, for parameters that are durations. Throws Error(config), Error(plugin).
RunShape make_shape(const RunConfig& config, const PluginHost& host, const ModelSpec& final_spec,
                    const RunLength& length);

// One sentence for the log.
std::string describe(const RunShape& shape);

}  // namespace espalier
