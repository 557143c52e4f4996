#include "core/checkpoint/snapshot/checkpoint.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>

#include "core/base/json_object.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/checkpoint/model_files/folders.h"
#include "core/checkpoint/model_files/gates_file.h"
#include "core/checkpoint/model_files/hf_param_names.h"
#include "core/checkpoint/model_files/manifest.h"
#include "core/checkpoint/model_files/model_folder.h"
#include "core/checkpoint/model_files/newest_checkpoint.h"
#include "core/checkpoint/model_files/safetensors.h"
#include "core/checkpoint/snapshot/state_json.h"
#include "core/checkpoint/snapshot/state_record.h"

namespace espalier {

using nlohmann::json;

namespace {

constexpr int64_t kMaxStages = 10000;
constexpr auto kCode = ErrorCode::checkpoint;

TensorMap optimizer_tensors(const OptimState& state) {
  TensorMap out;
  for (const auto& [name, moments] : state) {
    out["exp_avg/" + name] = moments.exp_avg;
    out["exp_avg_sq/" + name] = moments.exp_avg_sq;
  }
  return out;
}

// A growth operator under way: its leaves with their moments, and what the run needs to go on learning it.
TensorMap operator_tensors(const OperatorPhase& phase) {
  TensorMap out = optimizer_tensors(phase.optim);
  for (const auto& [name, leaf] : phase.leaves) out["leaf/" + name] = leaf.detach();
  return out;
}

// The moments of a parameter, from a file that has them under its name.
OptimState::mapped_type moments_of(const TensorMap& tensors, const std::string& name, int64_t step,
                                   const fs::path& path) {
  const auto get = [&](const std::string& key) {
    const auto it = tensors.find(key);
    if (it == tensors.end()) throw Error(kCode, fmt::format("lacks the tensor '{}'", valid_utf8(key)), path.string());
    return it->second;
  };
  return {get("exp_avg/" + name), get("exp_avg_sq/" + name), step};
}

OperatorPhase read_operators(const fs::path& path, const StateRecord::Operators& record) {
  OperatorPhase phase;
  phase.stage = record.stage;
  phase.start = record.start;
  phase.done = record.done;
  phase.plan_hash = record.plan_hash;
  const TensorMap tensors = read_safetensors(path);
  for (const auto& [key, tensor] : tensors) {
    if (!key.starts_with("leaf/")) continue;
    const std::string name = key.substr(5);
    phase.leaves[name] = tensor;
    if (phase.done > 0) phase.optim[name] = moments_of(tensors, name, phase.done, path);
  }
  return phase;
}

// Of an older checkpoint: what its lineage tells.
std::vector<int64_t> stage_starts_of(const TrainState& state) {
  std::vector<int64_t> starts(static_cast<size_t>(state.stage) + 1, -1);
  starts.front() = 0;
  for (const GrowthEvent& event : state.lineage)
    if (event.stage > 0 && event.stage < state.stage)
      starts[static_cast<size_t>(event.stage)] = event.step - event.operator_steps;
  starts.back() = state.stage_start;
  return starts;
}

StateRecord state_record(const Snapshot& snapshot) {
  const TrainState& s = snapshot.state;
  StateRecord out;
  out.step = s.step;
  out.tokens = s.tokens;
  out.stage = s.stage;
  out.stage_start = s.stage_start;
  out.stage_starts = s.stage_starts;
  out.trained = s.trained;
  out.flops = s.flops;
  out.lr_previous = s.lr_previous;
  out.watch = s.watch;
  out.left_out = snapshot.left_out;
  out.data = snapshot.data_state;
  if (s.operators) out.operators = {s.operators->stage, s.operators->start, s.operators->done, s.operators->plan_hash};
  for (const auto& [name, moments] : s.optim) out.optimizer_steps[name] = moments.step;
  return out;
}

// Who writes them decides about the code: they belong to the checkpoint.
void write_tokenizer_files(const fs::path& dir, const TokenizerWriter& write_tokenizer) {
  try {
    write_tokenizer(dir);
  } catch (const Error& error) {
    throw Error(kCode, error.message(), error.place(), error.hint());
  }
}

void write_files(const fs::path& dir, const Snapshot& snapshot, int64_t eos, const TokenizerWriter& write_tokenizer) {
  const TrainState& s = snapshot.state;
  const fs::path own = dir / "espalier";
  make_dirs(own, kCode);  // what the folder is known by, if this is interrupted
  for (const char* name : {"plugins", "plans"}) fs::create_directory(own / name);
  write_model(dir, s.spec, s.params, s.gates, eos, s.origin ? s.origin->config : "{}");
  if (write_tokenizer) write_tokenizer_files(dir, write_tokenizer);
  write_safetensors(own / "optimizer.safetensors", optimizer_tensors(s.optim));
  write_file(own / "state.json", write_state(state_record(snapshot)), kCode);
  write_file(own / "config.resolved.toml", snapshot.config_toml, kCode);
  for (const auto& event : s.lineage) {
    write_file(own / "plans" / (event.plan_hash + ".bin"), event.plan_bytes, kCode);
    if (!event.leaves.empty()) write_safetensors(own / "plans" / (event.plan_hash + ".safetensors"), event.leaves);
  }
  if (s.operators) write_safetensors(own / "operators.safetensors", operator_tensors(*s.operators));
  for (const auto& [slot, bytes] : snapshot.plugin_state) write_file(own / "plugins" / (slot + ".bin"), bytes, kCode);
  if (!snapshot.quality.empty()) write_file(own / "quality.bin", snapshot.quality, kCode);
  const json manifest = {{"format", "espalier-checkpoint"},
                         {"format_version", kFormatVersion},
                         {"step", s.step},
                         {"architecture", spec_to_json(s.spec)},
                         {"num_params", num_params(s.spec)},
                         {"lineage", lineage_to_json(s.lineage)},
                         {"initial_weights", s.origin ? initial_to_json(*s.origin) : json()},
                         {"plugins", plugins_to_json(snapshot.plugins)},
                         {"files", file_hashes(dir)}};
  write_file(own / "manifest.json", manifest.dump(2) + "\n", kCode);
  for (const fs::path& folder : {own / "plugins", own / "plans", own, dir}) fsync_path(folder, kCode);
}

// Frees the space that a full disk needs; older checkpoints stay.
void discard(const fs::path& temporary) {
  std::error_code ignored;
  fs::remove_all(temporary, ignored);
}

OptimState read_optimizer(const fs::path& path, const StateRecord& state, const ParamTable& params) {
  const TensorMap tensors = read_safetensors(path);
  OptimState out;
  for (const auto& [name, step] : state.optimizer_steps) {
    const auto moments = moments_of(tensors, name, step, path);
    const at::Tensor* param = params.find(name);
    if (param == nullptr || param->sizes() != moments.exp_avg.sizes() || param->sizes() != moments.exp_avg_sq.sizes())
      throw Error(kCode, fmt::format("the moments of '{}' are those of no parameter of the model", valid_utf8(name)),
                  path.string());
    out[name] = moments;
  }
  return out;
}

}  // namespace

fs::path save_checkpoint(const fs::path& checkpoints_dir, const Snapshot& snapshot, int64_t eos_token_id,
                         const TokenizerWriter& write_tokenizer, int64_t keep_latest, std::optional<int64_t> keep_step,
                         VerifiedCheckpoints* verified) {
  make_dirs(checkpoints_dir, kCode);
  const std::string name = folder_name(snapshot.state.step);
  const fs::path final_dir = checkpoints_dir / name, temporary = fresh_temporary(final_dir);
  try {
    write_files(temporary, snapshot, eos_token_id, write_tokenizer);
  } catch (const fs::filesystem_error& error) {
    discard(temporary);
    throw Error(kCode, error.code().message(), error.path1().string());
  } catch (...) {
    discard(temporary);
    throw;
  }
  put_in_place(temporary, final_dir);
  write_file_atomic(checkpoints_dir / "LATEST", name + "\n", kCode);
  VerifiedCheckpoints nothing;
  rotate_checkpoints(final_dir, keep_latest, keep_step, verified != nullptr ? *verified : nothing);
  return final_dir;
}

fs::path roll_back(const fs::path& checkpoints_dir, int64_t step) {
  const fs::path dir = checkpoints_dir / folder_name(step);
  verify_checkpoint(dir);
  write_file_atomic(checkpoints_dir / "LATEST", folder_name(step) + "\n", kCode);
  for (const auto& later : checkpoint_dirs(checkpoints_dir)) {
    if (step_of(later) <= step) continue;
    if (!is_own(later))
      set_aside(later);
    else if (!remove_own(later))
      throw Error(kCode, fmt::format("cannot be removed, so the run would not go on from step {}", step),
                  later.string(), "remove it by hand");
  }
  return dir;
}

void verify_checkpoint(const fs::path& dir) {
  Manifest::read(dir);
}

Snapshot load_checkpoint(const fs::path& dir) {
  const Manifest manifest = Manifest::read(dir);
  const JsonObject root = manifest.root();
  const fs::path state_path = manifest.file("espalier/state.json");
  const StateRecord record = read_state(read_file(state_path, kCode), state_path.string());
  Snapshot out;
  TrainState& s = out.state;
  s.spec = spec_from_hf(root.at("architecture"), root.place());
  s.params = from_hf(s.spec, ModelWeights(dir));
  if (manifest.has(kGatesFile)) s.gates = read_gates_file(dir / kGatesFile, s.spec, s.params);
  s.optim = read_optimizer(manifest.file("espalier/optimizer.safetensors"), record, s.params);
  s.step = record.step;
  s.tokens = record.tokens;
  s.flops = record.flops;
  s.stage = record.stage;
  s.stage_start = record.stage_start;
  s.lr_previous = record.lr_previous;
  s.watch = record.watch;
  s.trained = record.trained;
  out.left_out = record.left_out;
  s.lineage = lineage_from_json(root.array("lineage"), root.place());
  if (root.has("initial_weights")) s.origin = initial_from_json(root.at("initial_weights"), root.place());
  for (auto& event : s.lineage) {
    const std::string plan = "espalier/plans/" + event.plan_hash;
    event.plan_bytes = read_file(manifest.file(plan + ".bin"), kCode);
    if (event.operator_steps > 0) event.leaves = read_safetensors(manifest.file(plan + ".safetensors"));
  }
  if (s.stage > kMaxStages)
    throw Error(kCode, fmt::format("is at growth stage {}, which is impossible", s.stage), state_path.string());
  s.stage_starts = record.stage_starts;
  if (s.stage_starts.size() != static_cast<size_t>(s.stage) + 1) s.stage_starts = stage_starts_of(s);
  if (manifest.has("espalier/quality.bin")) out.quality = read_file(manifest.file("espalier/quality.bin"), kCode);
  if (record.operators)
    s.operators = read_operators(manifest.file("espalier/operators.safetensors"), *record.operators);
  out.data_state = record.data;
  out.plugins = plugins_from_json(root.array("plugins"), root.place());
  out.config_toml = read_file(manifest.file("espalier/config.resolved.toml"), kCode);
  for (const std::string& name : manifest.under("espalier/plugins/"))
    out.plugin_state[fs::path(name).stem().string()] = read_file(dir / name, kCode);
  return out;
}

std::optional<Found> load_latest(const fs::path& checkpoints_dir, std::vector<std::string>& skipped) {
  Found found;
  const auto dir = newest_checkpoint(
      checkpoints_dir, [&](const fs::path& folder) { found.snapshot = load_checkpoint(folder); }, skipped);
  if (!dir) return std::nullopt;
  found.dir = *dir;
  return found;
}

}  // namespace espalier
