// The whole run before step 1: every stage with its start, length, shape, cost, mixture and learning rate.
#pragma once

#include <string>
#include <vector>

#include "core/growth/strategy.h"
#include "core/train/config.h"
#include "core/train/mixture_plan.h"
#include "core/train/state.h"

namespace espalier {

struct StageRow {
  int64_t stage = 0, start = 0, steps = 0, tokens = 0;
  ModelSpec spec;
  int64_t num_params = 0;
  double flops = 0;               // of the whole stage, with the growth that begins it
  int64_t operator_steps = 0;     // the first steps, in which a growth operator is learned
  int64_t phase_steps = 0;        // steps outside the stage's main phase: the operator's, and the strategy's own
  double trainable_fraction = 1;  // smallest over the stage's steps, by parameters
  double mean_layers = 0;         // layers run, averaged over the stage's steps
  double lr_first = 0, lr_last = 0, lr_max = 0;  // of the steps to come; 0 in a stage that a resumed run has left
  double memory_bytes = 0;
  std::vector<double> tier_weights;  // shares at the stage's first step in its main phase
};

struct Timeline {
  std::vector<StageRow> stages;
  int64_t total_steps = 0, total_tokens = 0;
  int64_t resumed_step = 0;  // what is before it has happened
  double total_flops = 0;
  StepSizes sizes;
  std::vector<MixtureSpan> mixture;  // empty without a mixture schedule
  std::vector<std::string> sources;  // that the mixture weighs

  // The stage that holds a step, by the plan.
  const StageRow& at_step(int64_t step) const;
};

// Makes every growth plan once, so that what is wrong with one is known before step 1. Throws Error(plugin) for a stage
// that does not exist or a plan that is invalid, Error(config) for a stage that would have no steps, or none after its
// operator phase, or would shrink the model. Of a run that is resumed, `resumed` says when its stages began, whatever
// the schedule would say of these steps now; learning rate and mixture are planned from its step on.
Timeline make_timeline(const ModelSpec& final_spec, const TrainingConfig& training, int64_t total_steps, double lr_peak,
                       const Decisions& decisions, const TrainState* resumed = nullptr);

// The table that every run prints before step 1, and `espalier plan`; one line a stage plus totals.
std::string format_timeline(const Timeline& timeline);

}  // namespace espalier
