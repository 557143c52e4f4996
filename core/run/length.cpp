#include "core/run/length.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/checked.h"
#include "core/base/text.h"
#include "core/model/flops.h"
#include "core/plugin/schedule_adapter.h"
#include "core/train/state.h"

namespace espalier {
namespace {

void set_total_steps(const RunConfig& config, RunLength& length) {
  length.total_steps = 0;  // the run's own length is no part of itself
  const std::string place = config.places.of("training.steps");
  const int64_t total = config.training.steps.to_steps(length, place);
  if (total < 1) throw Error(ErrorCode::config, "the run has no steps", place);
  if (!product_of_counts({total, length.tokens_per_step}))
    throw Error(ErrorCode::config,
                fmt::format("a run of {} steps of {} tokens is more than 2^53 tokens", total, length.tokens_per_step),
                place, "make it shorter, or training.global_batch smaller");
  length.total_steps = total;
}

// A run that is given in tokens has more steps the longer its batch takes to grow, and a ramp that is a part of the run
// takes the longer the more steps that has: from the shortest run upwards until both agree.
plugin::SchedulePlugin settle_batch(const RunConfig& config, const PluginHost& host, RunSteps& steps) {
  constexpr int kAttempts = 100;
  const PluginChoice& choice = config.schedule.batch.plugin;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const int64_t assumed = steps.total_steps();
    plugin::PluginSetup setup = host.setup_for(steps.length);
    setup.run.rates = steps.trained.full_rates(steps.length.tokens_per_step);
    const Progress start = first_progress(config, steps);
    plugin::SchedulePlugin batch = plugin::make_schedule(*host.registry, choice, setup, {"batch.sequences"}, start);
    steps.sizes = plan_step_sizes(config.training, {batch.schedule.get(), choice.place}, {}, start, steps.trained);
    steps.length.rates = steps.sizes.rates();
    set_total_steps(config, steps.length);
    if (steps.total_steps() == assumed) return batch;
  }
  throw Error(ErrorCode::config, "the length of the run and of its batch ramp do not settle", choice.place,
              "give training.steps or the ramp in steps");
}

// What every step holds, those behind as they were, and with that how many there are.
RunSteps plan_steps(const RunConfig& config, const PluginHost& host, const RunLength& length,
                    const TrainedSteps& trained) {
  const PluginChoice &batch_choice = config.schedule.batch.plugin, &rows_choice = config.schedule.seq_len.plugin;
  RunSteps steps{length, StepSizes(config.training, trained), trained, {}};
  steps.length.rates = steps.sizes.rates();
  set_total_steps(config, steps.length);
  std::optional<plugin::SchedulePlugin> batch;
  if (!batch_choice.plugin.empty()) batch = settle_batch(config, host, steps);
  if (!rows_choice.plugin.empty()) {
    const Progress start = first_progress(config, steps);
    const plugin::SchedulePlugin rows =
        plugin::make_schedule(*host.registry, rows_choice, host.setup_for(steps.length), {"seq_len"}, start);
    steps.sizes = plan_step_sizes(config.training, {batch ? batch->schedule.get() : nullptr, batch_choice.place},
                                  {rows.schedule.get(), rows_choice.place}, start, trained);
    steps.plugins.push_back({"schedule.seq_len", rows.identity});
  }
  if (batch) steps.plugins.push_back({"schedule.batch", batch->identity});
  return steps;
}

// An older checkpoint does not say what its steps held: as this configuration plans them, if that gives its tokens.
TrainedSteps trained_steps(const RunConfig& config, const PluginHost& host, const RunLength& length,
                           const TrainState& resumed) {
  if (resumed.step == 0 || !resumed.trained.spans.empty()) return resumed.trained;
  const RunSteps plan = plan_steps(config, host, length, {});
  const bool planned = resumed.step <= plan.total_steps() && plan.sizes.tokens_before(resumed.step) == resumed.tokens;
  return planned ? TrainedSteps::as_planned(plan.sizes, resumed.step, length.tokens_per_step)
                 : TrainedSteps::evenly(resumed.step, resumed.tokens, config.training);
}

}  // namespace

int64_t RunSteps::interval(const Duration& interval, const std::string& place) const {
  if (interval.value == 0) return 0;
  RunLength full = length;
  full.rates.clear();  // a period, not a place in the run: counted in full batches
  return std::max<int64_t>(1, interval.to_steps(full, place));
}

RunSteps make_steps(const RunConfig& config, const PluginHost& host, const ModelSpec& final_spec,
                    int64_t tokens_per_epoch, const TrainState* resumed) {
  RunLength length;
  length.tokens_per_step = config.training.tokens_per_step();
  length.tokens_per_epoch = tokens_per_epoch;
  length.flops_per_step = step_flops(final_spec, StepShape::everything(final_spec.num_layers), length.tokens_per_step);
  return plan_steps(config, host, length,
                    resumed == nullptr ? TrainedSteps{} : trained_steps(config, host, length, *resumed));
}

Progress first_progress(const RunConfig& config, const RunSteps& steps) {
  Progress start;
  start.total_steps = steps.total_steps();
  start.total_tokens = steps.sizes.tokens_before(start.total_steps);
  start.lr_peak = config.optimizer.lr;
  return start;
}

std::string describe(const RunSteps& steps) {
  const int64_t tokens = steps.sizes.tokens_before(steps.total_steps()), epoch = steps.length.tokens_per_epoch;
  return fmt::format(
      "length: {} steps, {} tokens{}{}", with_commas(steps.total_steps()), with_commas(tokens),
      epoch > 0 ? fmt::format(" ({:.2f} epochs)", static_cast<double>(tokens) / static_cast<double>(epoch)) : "",
      steps.trained.steps > 0 ? fmt::format("; {} steps are done", with_commas(steps.trained.steps)) : "");
}

}  // namespace espalier
