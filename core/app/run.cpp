#include "core/app/run.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "core/app/batches.h"
#include "core/app/environment.h"
#include "core/app/session.h"
#include "core/app/signals.h"
#include "core/base/log.h"
#include "core/base/rng.h"
#include "core/base/text.h"
#include "core/data/unigram.h"
#include "core/eval/generate.h"
#include "core/model/init.h"

namespace espalier {
namespace {

using nlohmann::json;

// What the run writes to and where it continues from.
struct Start {
  fs::path run_dir, checkpoints;
  std::optional<Found> resumed;
};

Start open_run_folder(const RunConfig& config, const RunOptions& options) {
  Start start;
  start.run_dir = options.run_dir.empty() ? fs::path("runs") / config.job.name : options.run_dir;
  start.checkpoints = start.run_dir / "checkpoints";
  make_dirs(start.run_dir, ErrorCode::config);
  return start;
}

void find_checkpoint(Start& start, const RunConfig& config) {
  std::vector<std::string> skipped;
  start.resumed = load_latest(start.checkpoints, skipped);
  for (const auto& reason : skipped) log_warning("skipping a damaged checkpoint: {}", reason);
  if (start.resumed && config.checkpoint.resume == "never")
    throw Error(ErrorCode::config, "the run folder already has a checkpoint, and resume = \"never\"",
                start.run_dir.string(), "choose another folder with --run-dir, or set checkpoint.resume = \"auto\"");
}

// The saved run must be this run: same tokenizer, same shape at its stage.
void check_resumable(const Snapshot& snapshot, const Session& s, const fs::path& dir) {
  const json data = json::parse(snapshot.data_state);
  if (data.at("tokenizer") != s.tokenizer->fingerprint())
    throw Error(ErrorCode::checkpoint, "was trained with another tokenizer than the configuration gives now",
                dir.string(), "put [data].tokenizer and its sources back, or start afresh with --run-dir");
  if (snapshot.state.stage >= static_cast<int64_t>(s.timeline.stages.size()))
    throw Error(ErrorCode::checkpoint,
                fmt::format("is in growth stage {}, but the configuration has only {}", snapshot.state.stage + 1,
                            s.timeline.stages.size()),
                dir.string());
  const ModelSpec& expected = s.timeline.stages[static_cast<size_t>(snapshot.state.stage)].spec;
  if (!(expected == snapshot.state.spec))
    throw Error(
        ErrorCode::checkpoint,
        fmt::format(
            "holds a model of {} layers, width {}, vocabulary {}, but the configuration has {}, {}, {} at that stage",
            snapshot.state.spec.num_layers, snapshot.state.spec.d_model, snapshot.state.spec.vocab_size,
            expected.num_layers, expected.d_model, expected.vocab_size),
        dir.string(), "put [model] and [growth] back, or start afresh with --run-dir");
}

void warn_of_changed_plugins(const std::vector<PluginRecord>& then, const std::vector<PluginRecord>& now) {
  for (const auto& old : then)
    for (const auto& plugin : now)
      if (plugin.slot == old.slot && plugin.sha256 != old.sha256)
        log_warning("{}: {} {} was {} {} when the checkpoint was written", plugin.slot, plugin.id,
                    plugin.sha256.substr(0, 12), old.id, old.sha256.substr(0, 12));
}

std::map<std::string, std::string> save_plugin_state(const Session& s) {
  std::map<std::string, std::string> out;
  if (s.growth) out["growth"] = s.growth->strategy->save_state();
  if (s.growth_schedule) out["schedule.growth"] = s.growth_schedule->schedule->save_state();
  out["schedule.lr"] = s.lr_schedule->schedule->save_state();
  if (s.mixture_schedule) out["schedule.mixture"] = s.mixture_schedule->schedule->save_state();
  std::erase_if(out, [](const auto& item) { return item.second.empty(); });
  return out;
}

void load_plugin_state(Session& s, const std::map<std::string, std::string>& state) {
  const auto load = [&](const char* slot, auto* object) {
    const auto it = state.find(slot);
    if (object != nullptr && it != state.end()) object->load_state(it->second);
  };
  load("growth", s.decisions.strategy);
  load("schedule.growth", s.decisions.growth);
  load("schedule.lr", s.decisions.lr);
  load("schedule.mixture", s.decisions.mixture);
}

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

TrainState to_device(TrainState state, at::Device device) {
  state.params = state.params.transformed([&](const Param& param) { return param.value.to(device); });
  for (auto& [name, moments] : state.optim) {
    moments.exp_avg = moments.exp_avg.to(device);
    moments.exp_avg_sq = moments.exp_avg_sq.to(device);
  }
  return state;
}

// Held-out text where there is any, else the first windows of the first source: the same at every event and on resume.
growth::Probe make_probe(const Session& s, const std::vector<ValSet>& sets, at::Device device) {
  constexpr int64_t kRows = 4;
  if (!sets.empty()) {
    const ValBatch val = sets.front().batch(0);
    const Batch batch = to_batch(val.tokens, val.rows, device);
    const int64_t rows = std::min(kRows, val.rows);
    return {batch.tokens.narrow(0, 0, rows), batch.targets.narrow(0, 0, rows)};
  }
  const TokenShard& shard = s.data->sources.front().train;
  const auto width = std::min<uint64_t>(static_cast<uint64_t>(s.final_spec.seq_len) + 1, shard.num_tokens());
  std::vector<int32_t> tokens(width);
  shard.copy(0, tokens);
  const Batch batch = to_batch(tokens, 1, device);
  return {batch.tokens, batch.targets};
}

std::vector<ValSet> validation_sets(const Session& s) {
  std::vector<ValSet> sets;
  const auto& v = s.config.validation;
  if (v.batches > 0)
    for (const auto& source : s.data->sources)
      if (source.val)
        sets.emplace_back(source.name, *source.val, *s.tokenizer, s.final_spec.seq_len, s.config.training.micro_batch,
                          v.batches);
  return sets;
}

double unigram_baseline(const Session& s, const std::vector<ValSet>& sets) {
  std::vector<uint64_t> counts(static_cast<size_t>(s.tokenizer->vocab_size()), 0);
  for (const auto& source : s.data->sources) {
    const auto part = count_tokens(source.train, s.tokenizer->vocab_size());
    for (size_t i = 0; i < counts.size(); ++i) counts[i] += part[i];
  }
  double bits = 0, bytes = 0;
  for (const auto& set : sets) {
    double set_bytes = 0;
    for (int64_t i = 0; i < set.num_batches(); ++i) set_bytes += static_cast<double>(set.batch(i).bytes);
    bits += unigram_bits_per_byte(counts, set) * set_bytes;
    bytes += set_bytes;
  }
  return bytes > 0 ? bits / bytes : 0;
}

void write_samples(const Session& s, const TrainState& state, const fs::path& path, ComputeType compute) {
  const auto& v = s.config.validation;
  std::string text;
  for (int64_t i = 0; i < v.samples && !v.prompts.empty(); ++i) {
    const std::string& prompt = v.prompts[static_cast<size_t>(i) % v.prompts.size()];
    SampleSettings settings{v.sample_tokens, v.temperature, 50,
                            mix64(static_cast<uint64_t>(s.config.job.seed), static_cast<uint64_t>(i)),
                            s.tokenizer->eos()};
    std::vector<int32_t> ids{s.tokenizer->eos()};
    const auto encoded = s.tokenizer->encode(prompt);
    ids.insert(ids.end(), encoded.begin(), encoded.end());
    const auto out = generate(state.spec, state.params, ids, settings, compute);
    text += fmt::format("--- sample {} at step {}\n{}{}\n", i + 1, state.step, prompt,
                        valid_utf8(s.tokenizer->decode(out)));
  }
  if (text.empty()) return;
  write_file_atomic(path, text, ErrorCode::config);
  log_info("{}", text.substr(0, text.size() - 1));
}

}  // namespace

void run_training(RunConfig config, const RunOptions& options) {
  install_stop_signals();
  Start start = open_run_folder(config, options);
  const FolderLock lock(start.run_dir);
  find_checkpoint(start, config);
  log_to_file(start.run_dir / "run.log");

  // Build, in the order in which data flows.
  const DeviceInfo device = open_device(config.training.device, config.training.threads);
  if (config.training.dtype == "auto") config.training.dtype = device.fast_bf16 ? "bf16" : "fp32";
  const std::unique_ptr<Session> session = build_session(std::move(config), options.plugin_paths, /*with_data=*/true);
  Session& s = *session;
  const auto compute = s.config.training.dtype == "bf16" ? ComputeType::bf16 : ComputeType::fp32;
  const auto seed = static_cast<uint64_t>(s.config.job.seed);
  write_file_atomic(start.run_dir / "config.resolved.toml", resolved_toml(s.config), ErrorCode::config);
  write_file_atomic(start.run_dir / "env.json", environment_json(device, options.argv), ErrorCode::config);

  log_info("{} on {} ({} threads), {}", s.config.job.name, device.name, device.threads, s.config.training.dtype);
  log_info("{}", format_timeline(s.timeline));
  DataLoader loader(std::move(*s.stream), s.config.training.micro_batch, s.config.data.prefetch);
  LoaderBatches batches(loader, *s.data, device.device);
  const std::vector<ValSet> sets = validation_sets(s);

  TrainState state;
  if (start.resumed) {
    check_resumable(start.resumed->snapshot, s, start.resumed->dir);
    warn_of_changed_plugins(start.resumed->snapshot.plugins, s.plugins);
    state = to_device(std::move(start.resumed->snapshot.state), device.device);
    loader.restore(stream_state_from_json(json::parse(start.resumed->snapshot.data_state).at("stream")));
    load_plugin_state(s, start.resumed->snapshot.plugin_state);
    log_info("resuming from {} at step {}", start.resumed->dir.string(), state.step);
  } else {
    state = first_state(s, device.device);
  }
  if (state.step >= s.total_steps) {
    log_info("the run is finished: step {} of {}", state.step, s.total_steps);
    return;
  }

  const std::string config_text = resolved_toml(s.config);
  const auto save = [&](const TrainState& now) {
    const json data_state = {{"stream", to_json(loader.state())}, {"tokenizer", s.tokenizer->fingerprint()}};
    const Snapshot snapshot{now, data_state.dump(), save_plugin_state(s), s.plugins, config_text};
    const fs::path dir = save_checkpoint(
        start.checkpoints, snapshot, s.tokenizer->eos(), [&](const fs::path& folder) { s.tokenizer->save_hf(folder); },
        s.config.checkpoint.keep_latest);
    log_info("saved {}", dir.string());
  };

  RecorderParts recorder_parts;
  recorder_parts.run_dir = start.run_dir;
  recorder_parts.metrics = s.config.metrics;
  recorder_parts.start_step = state.step;
  recorder_parts.start_stage = state.stage;
  recorder_parts.start_flops = state.flops;
  recorder_parts.total_steps = s.total_steps;
  recorder_parts.tokens_per_step = s.length.tokens_per_step;
  recorder_parts.validation_interval = s.interval_steps(s.config.validation.interval, "validation.interval");
  recorder_parts.checkpoint_interval = s.interval_steps(s.config.checkpoint.interval, "checkpoint.interval");
  recorder_parts.num_stages = static_cast<int64_t>(s.timeline.stages.size());
  recorder_parts.checkpoint_at_growth = s.config.checkpoint.at_growth;
  recorder_parts.device = device;
  if (!sets.empty())
    recorder_parts.validate = [&](const TrainState& now) {
      return evaluate_sets(sets, now.spec, now.params, compute, device.device);
    };
  recorder_parts.save = save;
  recorder_parts.data_fractions = [&] { return batches.take_fractions(); };
  recorder_parts.data_wait_seconds = [&] { return batches.wait_seconds(); };
  Recorder recorder(std::move(recorder_parts));

  TrainParts parts{s.config.training, s.config.optimizer, seed,
                   s.final_spec,      s.timeline,         s.decisions,
                   &batches,          &recorder,          make_probe(s, sets, device.device),
                   growth_record(s)};
  Trainer trainer(std::move(parts), std::move(state));
  const StopReason reason = trainer.run();

  if (reason == StopReason::signal) {
    save(trainer.state());
    log_info("stopped by a signal at step {} of {}; continue with: espalier resume {}", trainer.state().step,
             s.total_steps, start.run_dir.string());
    return;
  }
  if (reason == StopReason::out_of_data)
    log_info("every source is used up at step {} of {} (exhausted = \"stop\")", trainer.state().step, s.total_steps);
  const auto& validation = recorder.validate(trainer.state());
  if (!validation.empty())
    log_info("final: {:.4f} bits per byte; the unigram baseline is {:.4f}", total_bits_per_byte(validation),
             unigram_baseline(s, sets));
  save(trainer.state());
  write_samples(s, trainer.state(), start.run_dir / "samples.txt", compute);
}

}  // namespace espalier
