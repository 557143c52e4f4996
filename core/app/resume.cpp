#include "core/app/resume.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "core/base/log.h"
#include "core/base/system_call.h"
#include "core/checkpoint/folders.h"

namespace espalier {

using nlohmann::json;

Start open_run_folder(const RunConfig& config, const RunOptions& options) {
  Start start;
  start.run_dir = options.run_dir.empty() ? fs::path("runs") / config.job.name : options.run_dir;
  start.checkpoints = start.run_dir / "checkpoints";
  make_dirs(start.run_dir, ErrorCode::config);
  std::error_code ignored;
  start.had_lock_file = fs::exists(start.run_dir / ".lock", ignored);
  return start;
}

LockFile::~LockFile() {
  std::error_code ignored;
  if (remove_) fs::remove(path_, ignored);
}

void clean_run_folder(const Start& start) {
  remove_leftovers(start.checkpoints);
  for (const char* name : {"config.resolved.toml", "env.json", "metrics.jsonl", "samples.txt"}) {
    std::error_code ignored;
    const fs::path left = start.run_dir / (std::string(name) + ".tmp");
    if (fs::symlink_status(left, ignored).type() == fs::file_type::regular) fs::remove(left, ignored);
  }
}

void begin_run_folder(const Start& start, const std::string& config_toml, const std::string& environment) {
  const fs::path& dir = start.run_dir;
  clean_run_folder(start);
  log_to_file(dir / "run.log");
  if (!sync_where_possible(dir, ErrorCode::config))
    log_info("the file system of {} cannot sync folders: after a power cut the last checkpoint may be missing",
             dir.string());
  write_file_atomic(dir / "env.json", environment, ErrorCode::config);
  write_file_atomic(dir / "config.resolved.toml", config_toml, ErrorCode::config);
}

void find_checkpoint(Start& start, const RunConfig& config) {
  restore_replaced(start.checkpoints);
  std::vector<std::string> skipped;
  start.resumed = load_latest(start.checkpoints, skipped);
  for (const auto& reason : skipped) log_warning("skipping a damaged checkpoint: {}", reason);
  if (start.resumed && config.checkpoint.resume == "never")
    throw Error(ErrorCode::config, "the run folder already has a checkpoint, and resume = \"never\"",
                start.run_dir.string(), "choose another folder with --run-dir, or set checkpoint.resume = \"auto\"");
}

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
  ModelSpec saved = snapshot.state.spec;
  // Rotary positions do not tie a model to a length; the data's blocks decide whether it may change.
  if (saved.position == Position::rope) saved.seq_len = expected.seq_len;
  if (saved.seq_len != expected.seq_len)
    throw Error(ErrorCode::checkpoint,
                fmt::format("holds learned positions for seq_len {}, but the configuration has {}", saved.seq_len,
                            expected.seq_len),
                dir.string(), "put training.seq_len back, or start afresh with --run-dir");
  if (!(expected == saved))
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

TrainState to_device(TrainState state, at::Device device) {
  state.params = state.params.transformed([&](const Param& param) { return param.value.to(device); });
  for (auto& [name, moments] : state.optim) {
    moments.exp_avg = moments.exp_avg.to(device);
    moments.exp_avg_sq = moments.exp_avg_sq.to(device);
  }
  if (state.operators) {
    for (auto& [name, leaf] : state.operators->leaves) leaf = leaf.to(device);
    for (auto& [name, moments] : state.operators->optim) {
      moments.exp_avg = moments.exp_avg.to(device);
      moments.exp_avg_sq = moments.exp_avg_sq.to(device);
    }
  }
  return state;
}

}  // namespace espalier
