#include "core/app/run.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include <fstream>

#include "core/app/batches.h"
#include "core/app/checkpoint_saver.h"
#include "core/app/environment.h"
#include "core/app/finish.h"
#include "core/app/growth_guard.h"
#include "core/app/initial_weights.h"
#include "core/app/memory_check.h"
#include "core/app/plugin_records.h"
#include "core/app/resume.h"
#include "core/app/signals.h"
#include "core/app/validation.h"
#include "core/base/figure.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/log_lines.h"
#include "core/model/init.h"

namespace espalier {
namespace {

using nlohmann::json;

PluginRecord growth_record(const Session& s) {
  for (const auto& plugin : s.plugins)
    if (plugin.slot == "growth") return plugin;
  return {};
}

TrainState first_state(const Session& s, at::Device device) {
  TrainState state;
  state.spec = s.timeline.stages.front().spec;
  state.params = init_params(state.spec, static_cast<uint64_t>(s.config.job.seed), s.config.model.init_std,
                             s.final_spec.num_layers)
                     .transformed([&](const Param& param) { return param.value.to(device); });
  return state;
}

}  // namespace

void run_training(RunConfig config, const RunOptions& options) {
  install_save_signal();
  keep_log_lines();
  Start start = open_run_folder(config, options);
  const FolderLock lock(start.run_dir);
  LockFile lock_file(start);
  find_checkpoint(start, config);

  // Build, in the order in which data flows.
  const DeviceInfo device = open_device(config.training.device, config.training.threads);
  if (config.training.dtype == "auto") config.training.dtype = device.fast_bf16 ? "bf16" : "fp32";
  const std::unique_ptr<Session> session = build_session(std::move(config), options.plugin_paths, /*with_data=*/true,
                                                         start.resumed ? &start.resumed->snapshot : nullptr);
  // Not before: while data is prepared a signal ends the process at once, and the next one goes on from whole shards.
  install_stop_signals();
  Session& s = *session;
  const auto compute = s.config.training.dtype == "bf16" ? ComputeType::bf16 : ComputeType::fp32;
  const auto seed = static_cast<uint64_t>(s.config.job.seed);

  log_info("{} on {} ({} threads: {}), {}", s.config.job.name, device.name, device.threads, device.threads_source,
           s.config.training.dtype);
  log_info("{}", format_timeline(s.timeline));
  check_memory(s.timeline, device);
  log_plugins(s.plugins, *s.registry);
  DataLoader loader(std::move(*s.stream), s.config.training.micro_batch, s.config.data.prefetch);
  const RowOptions rows = row_options(s.config.data, *s.data);
  std::optional<StageGates> gates;
  if (s.config.data.quality.report) gates.emplace(s.config.data.quality, *s.tokenizer);
  LoaderBatches batches(loader, *s.data, device.device, rows, gates ? &*gates : nullptr);
  const std::vector<ValSet> sets = validation_sets(s);

  TrainState state;
  if (start.resumed) {
    check_resumable(start.resumed->snapshot, s, start.resumed->dir);
    warn_of_changed_plugins(start.resumed->snapshot.plugins, s.plugins);
    load_plugin_state(s, start.resumed->snapshot);
    state = to_device(std::move(start.resumed->snapshot.state), device.device);
    state.spec.seq_len = s.final_spec.seq_len;
    state.trained = s.trained;
    loader.restore(stream_state_of(start.resumed->snapshot, start.resumed->dir));
    if (gates && !start.resumed->snapshot.quality.empty()) gates->load_state(start.resumed->snapshot.quality);
    log_info("resuming from {} at step {}", start.resumed->dir.string(), state.step);
    if (const auto changes = describe_changes(start.resumed->snapshot.config_toml, resolved_toml(s.config));
        !changes.empty())
      log_info("settings that differ from those of the checkpoint; the new ones hold:\n{}", changes);
  } else if (!s.config.checkpoint.initial_load_path.empty()) {
    state = load_initial_weights(s, device.device);
  } else {
    state = first_state(s, device.device);
  }
  batches.step_done();  // from here the run goes on
  const bool over = state.step >= s.total_steps;
  if (over && is_finished(start.run_dir, state)) {
    clean_run_folder(start);
    log_info("the run is finished: step {} of {}", state.step, s.total_steps);
    return;
  }

  // Whatever may refuse the run comes before this line: a folder that has a run is not touched until it may go on.
  replan_operators(state, s.decisions, s.final_spec, s.timeline);
  const growth::Probe probe = make_probe(s, sets, device.device);
  const int64_t validation_interval = s.interval_steps(s.config.validation.interval, "validation.interval");
  const int64_t checkpoint_interval = s.interval_steps(s.config.checkpoint.interval, "checkpoint.interval");
  const std::string config_text = resolved_toml(s.config);
  const GrowthGuard guard{s.config.growth.guard_bound,
                          s.interval_steps(s.config.growth.guard_after, "growth.guard_after")};
  lock_file.keep();
  begin_run_folder(start, config_text, environment_json(device, options.argv));

  // A process that was ended while it went back left the run where this one must do it.
  if (ran_away(state, guard)) go_back(start.checkpoints, state, guard);
  VerifiedCheckpoints verified;
  if (start.resumed) verified.add(start.resumed->dir);
  CheckpointSaver saver(
      {start.checkpoints, &s, &batches, gates ? &*gates : nullptr, guard, config_text, std::move(verified)}, state);

  RecorderParts recorder_parts;
  recorder_parts.run_dir = start.run_dir;
  recorder_parts.metrics = s.config.metrics;
  recorder_parts.start_step = state.step;
  recorder_parts.start_stage = state.stage;
  recorder_parts.start_flops = state.flops;
  recorder_parts.total_steps = s.total_steps;
  recorder_parts.start_tokens = state.tokens;
  recorder_parts.validation_interval = validation_interval;
  recorder_parts.checkpoint_interval = checkpoint_interval;
  recorder_parts.num_stages = static_cast<int64_t>(s.timeline.stages.size());
  recorder_parts.checkpoint_before_growth = guard.bound > 0;
  recorder_parts.checkpoint_at_growth = s.config.checkpoint.at_growth && guard.bound == 0;
  recorder_parts.device = device;
  if (!sets.empty())
    recorder_parts.validate = [&](const TrainState& now) {
      return evaluate_sets(sets, now, compute, device.device, rows);
    };
  recorder_parts.save = [&](const TrainState& now) { saver.save(now); };
  recorder_parts.data_fractions = [&] { return batches.take_fractions(); };
  recorder_parts.data_wait_seconds = [&] { return batches.wait_seconds(); };
  recorder_parts.gates = gates ? &*gates : nullptr;
  Recorder recorder(std::move(recorder_parts));
  if (state.origin && state.step == 0)
    for (const auto& [source, result] : recorder.validate(state)) state.origin->val_loss[source] = result.nll();

  TrainParts parts{s.config.training, s.config.optimizer, seed,  s.final_spec, s.timeline,      s.decisions,
                   &batches,          &recorder,          probe, guard,        growth_record(s)};
  Trainer trainer(std::move(parts), std::move(state));
  const TrainState& now = trainer.state();
  StopReason reason = StopReason::finished;
  try {
    if (over) {
      log_info("step {} of {} is the last; what follows it was not done to its end", now.step, s.total_steps);
    } else {
      unmark_finished(start.run_dir);
      reason = trainer.run();
    }
    if (reason == StopReason::signal) {
      saver.save(now);
      log_info("stopped by a signal at step {} of {} ({}); continue with: espalier resume {}", now.step, s.total_steps,
               stop_reason(), start.run_dir.string());
      return;
    }
    if (reason == StopReason::out_of_data)
      log_info("every source is used up at step {} of {} (exhausted = \"stop\")", now.step, s.total_steps);
    if (reason != StopReason::ran_away) return finish_run({&s, &sets, &recorder, &saver, start.run_dir, compute}, now);
  } catch (...) {
    saver.rescue(trainer);
    throw;
  }
  go_back(start.checkpoints, now, guard);
}

}  // namespace espalier
