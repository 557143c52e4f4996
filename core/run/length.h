// How long a run is and what each of its steps holds: the second of the values that it is made of.
#pragma once

#include <cstdint>
#include <string>

#include "core/run/plugin_host.h"
#include "core/train/step_sizes.h"

namespace espalier {

struct RunSteps {
  RunLength length;  // turns durations into steps
  StepSizes sizes;
  TrainedSteps trained;  // behind a resumed run
  PluginUses plugins;    // the schedules of batch and row length

  int64_t total_steps() const { return length.total_steps; }
  // An interval of the configuration in steps; 0 stays 0 ("never").
  int64_t interval(const Duration& interval, const std::string& place) const;
};

// `tokens_per_epoch`: 0 where no text was read, so that epochs are unknown. `resumed`: what the run continues from, or
// null; the tokens that it has still to go decide. Throws Error(config) where that is no run, Error(plugin).
RunSteps make_steps(const RunConfig& config, const PluginHost& host, const ModelSpec& final_spec,
                    int64_t tokens_per_epoch, const TrainState* resumed = nullptr);

// One sentence for the log.
std::string describe(const RunSteps& steps);

// What every schedule is told of the run when it is made, as far as that is known.
Progress first_progress(const RunConfig& config, const RunSteps& steps);

}  // namespace espalier
