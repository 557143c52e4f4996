// What goes to and from an isolated growth strategy or schedule.
#pragma once

#include <string>

#include "core/growth/strategy.h"
#include "core/plugin/create_messages.h"

namespace espalier::plugin {

// What the strategy says about itself once it is made.
struct StrategyAnswer {
  PluginIdentity identity;
  bool shapes_steps = false, claims_preserving = false;
  double preserve_tol = 0;

  std::string write() const;
  static StrategyAnswer read(const std::string& payload);
};

// What the schedule says once it is made and bound; or why it does not fill the keys, when the id is empty.
struct ScheduleAnswer {
  PluginIdentity identity;
  std::string message, place, hint;

  std::string write() const;
  static ScheduleAnswer read(const std::string& payload);
};

// The numbers of a stage's model, over those of the final one.
std::string write_stage(const ModelSpec& spec);
ModelSpec read_stage(const std::string& payload, const ModelSpec& final_spec);

std::string write_shape(const StepShape& shape);
StepShape read_shape(const std::string& payload);

}  // namespace espalier::plugin
