#include "core/run/run.h"

#include <ATen/core/Tensor.h>

#include "core/base/log.h"
#include "core/model/init.h"
#include "core/run/environment.h"
#include "core/run/finish.h"
#include "core/run/growth_guard.h"
#include "core/run/initial_weights.h"
#include "core/run/plugin_records.h"
#include "core/run/plugin_state.h"
#include "core/run/resume_checks.h"
#include "core/run/signals.h"
#include "core/run/validation.h"

namespace espalier {
namespace {

RecorderParts recorder_parts(const RunValues& run, const TrainState& state, const GrowthGuard& guard) {
  const auto interval = [&](const Duration& duration, const char* key) {
    return run.steps.interval(duration, run.config.places.of(key));
  };
  RecorderParts parts;
  parts.metrics = run.config.metrics;
  parts.start_step = state.step;
  parts.start_stage = state.stage;
  parts.start_flops = state.flops;
  parts.total_steps = run.steps.total_steps();
  parts.start_tokens = state.tokens;
  parts.validation_interval = interval(run.config.validation.interval, "validation.interval");
  parts.checkpoint_interval = interval(run.config.checkpoint.interval, "checkpoint.interval");
  parts.num_stages = static_cast<int64_t>(run.plan.timeline.stages.size());
  parts.checkpoint_before_growth = guard.bound > 0;
  parts.checkpoint_at_growth = run.config.checkpoint.at_growth && guard.bound == 0;
  parts.device = run.device;
  parts.comm = run.comm;
  return parts;
}

PluginRecord growth_record(const RunShape& shape) {
  const std::vector<PluginRecord> records = records_of(shape.plugins());
  return records.empty() ? PluginRecord{} : records.front();
}

}  // namespace

Run::Run(const RunValues& values, TokenStream stream, RunFolder& folder)
    : values_(values),
      folder_(folder),
      compute_(values.config.training.dtype == "bf16" ? ComputeType::bf16 : ComputeType::fp32),
      gates_(make_gates()),
      loader_(std::move(stream), values.config.training.micro_batch, values.config.data.prefetch),
      batches_(loader_, *values.data.prepared, values.device.device,
               row_options(values.config.data, *values.data.prepared), gates_ ? &*gates_ : nullptr, values.comm),
      sets_(validation_sets(values.config, values.data)) {
  const auto& config = values_.config;
  if (folder_.resumed())
    state_ = resumed_state();
  else if (!config.checkpoint.initial_load_path.empty())
    state_ = load_initial_weights(config, *values_.data.tokenizer, values_.shape, values_.plan, values_.device.device);
  else
    state_ = first_state();
  batches_.step_done();  // from here the run goes on
}

std::optional<StageGates> Run::make_gates() const {
  const QualityConfig& quality = values_.config.data.quality;
  return quality.report ? std::optional<StageGates>(std::in_place, quality, *values_.data.tokenizer) : std::nullopt;
}

TrainState Run::first_state() const {
  const auto& config = values_.config;
  TrainState state;
  state.spec = values_.plan.timeline.stages.front().spec;
  state.params = init_params(state.spec, static_cast<uint64_t>(config.job.seed), config.model.init_std,
                             values_.shape.final_spec.num_layers)
                     .transformed([&](const Param& param) { return param.value.to(values_.device.device); });
  return state;
}

TrainState Run::resumed_state() {
  const fs::path& dir = folder_.resumed()->dir;
  const Snapshot& snapshot = *folder_.snapshot();
  check_resumable(snapshot, *values_.data.tokenizer, values_.plan.timeline, dir);
  warn_of_changed_plugins(snapshot.plugins, values_.plugins);
  load_plugin_state(values_.plan.decisions, values_.plugins, snapshot);
  loader_.restore(stream_state_of(snapshot, dir));
  if (gates_ && !snapshot.quality.empty()) gates_->load_state(snapshot.quality);
  TrainState state = to_device(folder_.take_state(), values_.device.device);
  state.spec.seq_len = values_.shape.final_spec.seq_len;
  state.trained = values_.steps.trained;
  log_info("resuming from {} at step {}", dir.string(), state.step);
  if (const auto changes = describe_changes(snapshot.config_toml, resolved_toml(values_.config)); !changes.empty())
    log_info("settings that differ from those of the checkpoint; the new ones hold:\n{}", changes);
  return state;
}

bool Run::is_finished() const {
  return is_over() && espalier::is_finished(folder_.dir(), state_);
}

void Run::begin(const std::vector<std::string>& argv) {
  const auto& config = values_.config;
  replan_operators(state_, values_.plan.decisions, values_.shape.final_spec, values_.plan.timeline);
  probe_ = make_probe(values_.data, sets_, values_.shape.final_spec.seq_len, values_.device.device);
  guard_ = {config.growth.guard_bound,
            values_.steps.interval(config.growth.guard_after, config.places.of("growth.guard_after"))};
  recorded_ = recorder_parts(values_, state_, guard_);
  config_toml_ = resolved_toml(config);
  folder_.begin(config_toml_, environment_json(values_.device, argv));
  // A process that was ended while it went back left the run where this one must do it.
  if (ran_away(state_, guard_)) go_back(folder_.checkpoints(), state_, guard_);
}

void Run::train() {
  const auto& [config, device, comm, data, steps, shape, plan, plugins] = values_;
  StageGates* const gates = gates_ ? &*gates_ : nullptr;

  CheckpointSaver::Parts saved;
  saved.checkpoints = folder_.checkpoints();
  saved.keep_latest = config.checkpoint.keep_latest;
  saved.comm = comm;
  saved.tokenizer = data.tokenizer.get();
  saved.decisions = &plan.decisions;
  saved.plugins = records_of(plugins);
  saved.batches = &batches_;
  saved.gates = gates;
  saved.guard = guard_;
  saved.config_toml = config_toml_;
  if (folder_.resumed()) saved.verified.add(folder_.resumed()->dir);
  CheckpointSaver saver(std::move(saved), state_);

  RecorderParts recorded = std::move(recorded_);
  recorded.run_dir = folder_.dir();
  if (!sets_.empty())
    recorded.validate = [&](const TrainState& now) {
      return evaluate_sets(sets_, now, compute_, values_.device.device,
                           row_options(values_.config.data, *values_.data.prepared));
    };
  recorded.save = [&](const TrainState& now) { saver.save(now); };
  recorded.data_fractions = [&] { return batches_.take_fractions(); };
  recorded.data_wait_seconds = [&] { return batches_.wait_seconds(); };
  recorded.gates = gates;
  Recorder recorder(std::move(recorded));
  if (state_.origin && state_.step == 0)
    for (const auto& [source, result] : recorder.validate(state_)) state_.origin->val_loss[source] = result.nll();

  const bool over = is_over();
  const auto seed = static_cast<uint64_t>(config.job.seed);
  Trainer trainer({config.training, config.optimizer, seed, shape.final_spec, plan.timeline, plan.decisions, &batches_,
                   &recorder, probe_, guard_, growth_record(shape), comm},
                  std::move(state_));
  const TrainState& now = trainer.state();
  try {
    StopReason reason = StopReason::finished;
    if (over) {
      log_info("step {} of {} is the last; what follows it was not done to its end", now.step, steps.total_steps());
    } else {
      unmark_finished(folder_.dir());
      reason = trainer.run();
    }
    if (reason == StopReason::signal) {
      saver.save(now);
      log_info("stopped by a signal at step {} of {} ({}); continue with: espalier resume {}", now.step,
               steps.total_steps(), stop_reason(), folder_.dir().string());
      return;
    }
    if (reason == StopReason::out_of_data)
      log_info("every source is used up at step {} of {} (exhausted = \"stop\")", now.step, steps.total_steps());
    if (reason != StopReason::ran_away)
      return finish_run({&config, &data, &sets_, &recorder, &saver, folder_.dir(), compute_}, now);
  } catch (...) {
    saver.rescue(trainer);
    throw;
  }
  go_back(folder_.checkpoints(), now, guard_);
}

}  // namespace espalier
