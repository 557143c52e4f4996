#include "core/app/run.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/app/batches.h"
#include "core/app/environment.h"
#include "core/app/initial_weights.h"
#include "core/app/resume.h"
#include "core/app/signals.h"
#include "core/app/validation.h"
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

// While the guard has not decided, the checkpoint before the growth must stay.
std::optional<int64_t> guarded_step(const TrainState& state, const GrowthGuard& guard) {
  if (guard.bound == 0) return std::nullopt;
  if (state.operators) return state.operators->start;
  if (state.watch.watching && state.step - state.watch.step <= guard.after)
    return state.watch.step - state.lineage.back().operator_steps;
  return std::nullopt;
}

[[noreturn]] void go_back(const fs::path& checkpoints, const TrainState& state, const GrowthGuard& guard) {
  const int64_t step = state.watch.step - state.lineage.back().operator_steps;
  const fs::path dir = roll_back(checkpoints, step);
  throw Error(ErrorCode::diverged,
              fmt::format("{} steps after the growth at step {} the training loss is {:.4f}, more than {:g} above the "
                          "{:.4f} before it; the run went back to {}",
                          guard.after, state.watch.step, state.watch.loss(), guard.bound, state.watch.loss_before,
                          dir.string()),
              "growth.guard_bound", "resume with another growth strategy, a later stage or a lower learning rate");
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
  const std::unique_ptr<Session> session = build_session(std::move(config), options.plugin_paths, /*with_data=*/true);
  // Not before: while data is prepared a signal ends the process at once, and the next one goes on from whole shards.
  install_stop_signals();
  Session& s = *session;
  const auto compute = s.config.training.dtype == "bf16" ? ComputeType::bf16 : ComputeType::fp32;
  const auto seed = static_cast<uint64_t>(s.config.job.seed);

  log_info("{} on {} ({} threads: {}), {}", s.config.job.name, device.name, device.threads, device.threads_source,
           s.config.training.dtype);
  log_info("{}", format_timeline(s.timeline));
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
    state = to_device(std::move(start.resumed->snapshot.state), device.device);
    state.spec.seq_len = s.final_spec.seq_len;
    loader.restore(stream_state_from_json(json::parse(start.resumed->snapshot.data_state).at("stream")));
    load_plugin_state(s, start.resumed->snapshot.plugin_state);
    log_info("resuming from {} at step {}", start.resumed->dir.string(), state.step);
    if (const auto changes = describe_changes(start.resumed->snapshot.config_toml, resolved_toml(s.config));
        !changes.empty())
      log_info("settings that differ from those of the checkpoint; the new ones hold:\n{}", changes);
  } else if (!s.config.checkpoint.initial_load_path.empty()) {
    state = load_initial_weights(s, device.device);
  } else {
    state = first_state(s, device.device);
  }
  if (state.step >= s.total_steps) {
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

  VerifiedCheckpoints verified;
  if (start.resumed) verified.add(start.resumed->dir);
  const auto save = [&](const TrainState& now) {
    const Doing doing("saving a checkpoint; the ones before it are whole");
    const json data_state = {{"stream", to_json(loader.state())}, {"tokenizer", s.tokenizer->fingerprint()}};
    const Snapshot snapshot{now, data_state.dump(), save_plugin_state(s), s.plugins, config_text};
    const fs::path dir = save_checkpoint(
        start.checkpoints, snapshot, s.tokenizer->eos(), [&](const fs::path& folder) { s.tokenizer->save_hf(folder); },
        s.config.checkpoint.keep_latest, guarded_step(now, guard), &verified);
    log_info("saved {}", dir.string());
  };

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
      return evaluate_sets(sets, now.spec, now.params, compute, device.device, rows);
    };
  recorder_parts.save = save;
  recorder_parts.data_fractions = [&] { return batches.take_fractions(); };
  recorder_parts.data_wait_seconds = [&] { return batches.wait_seconds(); };
  recorder_parts.gates = gates ? &*gates : nullptr;
  Recorder recorder(std::move(recorder_parts));
  if (state.origin && state.step == 0)
    for (const auto& [source, result] : recorder.validate(state)) state.origin->val_loss[source] = result.nll();

  TrainParts parts{s.config.training, s.config.optimizer, seed,  s.final_spec, s.timeline,      s.decisions,
                   &batches,          &recorder,          probe, guard,        growth_record(s)};
  Trainer trainer(std::move(parts), std::move(state));
  const StopReason reason = trainer.run();

  if (reason == StopReason::signal) {
    save(trainer.state());
    log_info("stopped by a signal at step {} of {} ({}); continue with: espalier resume {}", trainer.state().step,
             s.total_steps, stop_reason(), start.run_dir.string());
    return;
  }
  if (reason == StopReason::ran_away) go_back(start.checkpoints, trainer.state(), guard);
  if (reason == StopReason::out_of_data)
    log_info("every source is used up at step {} of {} (exhausted = \"stop\")", trainer.state().step, s.total_steps);
  const auto& validation = recorder.validate(trainer.state());
  if (!validation.empty())
    log_info("final: {:.4f} bits per byte; the unigram baseline is {:.4f}", total_bits_per_byte(validation),
             unigram_baseline(s, sets));
  if (trainer.state().origin) log_info("{}", format_change_of_loss(*trainer.state().origin, validation));
  save(trainer.state());
  const Doing doing("writing samples; the last checkpoint is whole");
  write_samples(s, trainer.state(), start.run_dir / "samples.txt", compute);
  recorder.stage_ended(trainer.state());
}

}  // namespace espalier
