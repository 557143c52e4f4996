// What is decided before step 1, and who decides at each step: the last of the values that a run is made of.
#pragma once

#include <optional>

#include "core/plugin/schedule_adapter.h"
#include "core/run/data.h"
#include "core/run/length.h"
#include "core/run/model_shape.h"
#include "core/train/timeline.h"

namespace espalier {

struct RunPlan {
  std::optional<plugin::SchedulePlugin> growth, lr, mixture;
  Decisions decisions;  // points to these and to the shape's strategy
  Timeline timeline;
  PluginUses plugins;  // the schedules above
};

// Learning rate and mixture of a `resumed` run (may be null) get their state back, so that they are planned with it;
// whether the snapshot fits the configuration is not checked. `shape` must outlive the plan. Throws Error(config),
// Error(plugin).
RunPlan make_plan(const RunConfig& config, const PluginHost& host, const RunSteps& steps, const RunShape& shape,
                  const Snapshot* resumed = nullptr);

}  // namespace espalier
