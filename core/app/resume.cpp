#include "core/app/resume.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/base/log.h"
#include "core/base/system_call.h"
#include "core/checkpoint/model_files/folders.h"

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

std::string tokenizer_of(const Snapshot& snapshot, const fs::path& dir) {
  const json data = own_json(snapshot.data_state);
  return JsonObject(data, ErrorCode::checkpoint, dir.string(), "state.json: data").text("tokenizer");
}

StreamState stream_state_of(const Snapshot& snapshot, const fs::path& dir) {
  const json data = own_json(snapshot.data_state);
  const JsonObject object(data, ErrorCode::checkpoint, dir.string(), "state.json: data");
  try {
    return stream_state_from_json(object.at("stream"));
  } catch (const Error& error) {
    throw Error(error.code(), error.message(), dir.string(), error.hint());
  }
}

void check_resumable(const Snapshot& snapshot, const Session& s, const fs::path& dir) {
  if (tokenizer_of(snapshot, dir) != s.tokenizer->fingerprint())
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
    throw Error(ErrorCode::checkpoint,
                fmt::format("holds another model than the configuration has in growth stage {}: {}",
                            snapshot.state.stage + 1, spec_differences(saved, expected)),
                dir.string(), "put [model] and [growth] back, or start afresh with --run-dir");
}

void warn_of_changed_plugins(const std::vector<PluginRecord>& then, const std::vector<PluginRecord>& now) {
  for (const auto& old : then)
    for (const auto& plugin : now)
      if (plugin.slot == old.slot && plugin.sha256 != old.sha256)
        log_warning("{}: {} {} was {} {} when the checkpoint was written", plugin.slot, plugin.id,
                    plugin.sha256.substr(0, 12), old.id, old.sha256.substr(0, 12));
}

namespace {

std::string plugin_in(const std::vector<PluginRecord>& plugins, const std::string& slot) {
  for (const auto& plugin : plugins)
    if (plugin.slot == slot) return plugin.id;
  return {};
}

// The bytes of a slot, unless they are another plugin's.
const std::string* state_of(const Session& s, const Snapshot& snapshot, const std::string& slot) {
  const auto found = snapshot.plugin_state.find(slot);
  if (found == snapshot.plugin_state.end()) return nullptr;
  return plugin_in(snapshot.plugins, slot) == plugin_in(s.plugins, slot) ? &found->second : nullptr;
}

void load_slot(const Session& s, const Snapshot& snapshot, const char* slot, auto* object) {
  const std::string* bytes = state_of(s, snapshot, slot);
  if (object != nullptr && bytes != nullptr) object->load_state(*bytes);
}

}  // namespace

std::map<std::string, std::string> save_plugin_state(const Session& s, std::vector<std::string>* left_out) {
  std::map<std::string, std::string> out;
  const auto save = [&](const char* slot, auto* object) {
    if (object == nullptr) return;
    try {
      std::string bytes = object->save_state();
      if (!bytes.empty()) out[slot] = std::move(bytes);
    } catch (const std::exception& error) {
      if (left_out == nullptr) throw;
      left_out->push_back(slot);
      log_warning("{}: its state cannot be saved and is left out: {}", slot, error.what());
    }
  };
  save("growth", s.decisions.strategy);
  save("schedule.growth", s.decisions.growth);
  save("schedule.lr", s.decisions.lr);
  save("schedule.mixture", s.decisions.mixture);
  return out;
}

void load_planned_state(Session& s, const Snapshot& snapshot) {
  load_slot(s, snapshot, "schedule.lr", s.decisions.lr);
  load_slot(s, snapshot, "schedule.mixture", s.decisions.mixture);
}

void load_plugin_state(Session& s, const Snapshot& snapshot) {
  load_slot(s, snapshot, "growth", s.decisions.strategy);
  load_slot(s, snapshot, "schedule.growth", s.decisions.growth);
  for (const auto& slot : snapshot.left_out)
    log_warning("{}: the checkpoint lacks its state, which could not be saved; it starts afresh", slot);
  for (const auto& [slot, bytes] : snapshot.plugin_state)
    if (const std::string now = plugin_in(s.plugins, slot); state_of(s, snapshot, slot) == nullptr)
      log_warning("{}: the state in the checkpoint is of {}; {}", slot, plugin_in(snapshot.plugins, slot),
                  now.empty() ? "there is no such plugin now" : now + " starts afresh");
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
