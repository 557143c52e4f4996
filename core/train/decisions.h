// What decides about a run, as the timeline and the trainer consult it.
#pragma once

#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/data/stream/mixture.h"
#include "core/growth/strategy.h"
#include "core/schedule/schedule.h"
#include "core/train/step_sizes.h"

namespace espalier {

// The schedules and the strategy of a run, as the timeline and the trainer consult them. None is owned; `mixture` may
// be null (tiers have equal weights).
struct Decisions {
  growth::Strategy* strategy = nullptr;
  Schedule* growth = nullptr;
  // Where these two were chosen, for errors of the timeline: file:line:column.
  std::string strategy_place = "[growth]", growth_place = "[schedule.growth]";
  Schedule* lr = nullptr;
  Schedule* mixture = nullptr;  // bound to the tiers, then to the sources; either may be missing
  std::string mixture_place = "[schedule.mixture]", mixture_id;  // where it was chosen, and what it is, for errors
  StepSizes sizes;                                               // what each step holds
  int64_t num_tiers = 1;
  bool mixes_tiers = false;
  std::vector<std::string> mixed_sources;  // in the order of the configuration
  int64_t tokens_per_epoch = 0;            // for plans; 0: not known

  // Throws Error(config) where all weights of a kind are 0.
  MixtureWeights data_weights(const Progress& progress) const;
  // What was wrong with the weights of a step, with the step and the plugin that gave them.
  Error mixture_error(const std::string& what, int64_t step) const;
};

}  // namespace espalier
