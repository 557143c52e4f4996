#include "core/checkpoint/checkpoint.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "core/base/log.h"
#include "core/checkpoint/folders.h"
#include "core/checkpoint/gates_file.h"
#include "core/checkpoint/hf_layout.h"
#include "core/checkpoint/newest.h"
#include "core/checkpoint/safetensors.h"
#include "core/checkpoint/state_json.h"

namespace espalier {

using nlohmann::json;

void CheckpointConfig::fields(Fields& f) {
  f.field(
      "interval", interval,
      "How often to save; 0 = only at the end, when the run is stopped by a signal or fails, and as at_growth says.");
  f.field("keep_latest", keep_latest, "Checkpoints to keep; 0 = all.", Range::at_least(0));
  f.field("at_growth", at_growth,
          "Also save just after each growth event; with growth.guard_bound just before it instead.");
  f.field("resume", resume,
          "auto: continue from the run folder's newest checkpoint if there is one; never: refuse a "
          "folder that has one.",
          {"auto", "never"});
  f.field(
      "initial_load_path", initial_load_path,
      "Weights that a new run starts from, at step 0 and with this configuration: a checkpoint, a run folder (its "
      "newest checkpoint) or a Hugging Face model folder; empty: random weights. A run that has a checkpoint of its "
      "own resumes from that.");
  f.field("initial_load_optimizer", initial_load_optimizer,
          "With initial_load_path: take over the optimizer's moments, or start with fresh ones.", {"load", "reset"});
}

namespace {

constexpr int kFormatVersion = 1;
constexpr int64_t kMaxStages = 10000;
constexpr auto kCode = ErrorCode::checkpoint;
constexpr const char* kGatesFile = "espalier/gates.safetensors";  // only where gates are not open

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

json operator_json(const OperatorPhase& phase) {
  return {{"stage", phase.stage}, {"start", phase.start}, {"done", phase.done}, {"plan_sha256", phase.plan_hash}};
}

OperatorPhase read_operators(const fs::path& path, const json& entry) {
  OperatorPhase phase;
  phase.stage = entry.at("stage");
  phase.start = entry.at("start");
  phase.done = entry.at("done");
  phase.plan_hash = entry.at("plan_sha256");
  const TensorMap tensors = read_safetensors(path);
  for (const auto& [key, tensor] : tensors) {
    if (!key.starts_with("leaf/")) continue;
    const std::string name = key.substr(5);
    phase.leaves[name] = tensor;
    if (phase.done > 0)
      phase.optim[name] = {tensors.at("exp_avg/" + name), tensors.at("exp_avg_sq/" + name), phase.done};
  }
  return phase;
}

json watch_json(const GrowthWatch& watch) {
  return {{"average", watch.average},        {"weight", watch.weight}, {"samples", watch.samples},
          {"watching", watch.watching},      {"step", watch.step},     {"tokens", watch.tokens},
          {"loss_before", watch.loss_before}};
}

GrowthWatch read_watch(const json& entry) {
  return {entry.at("average"), entry.at("weight"), entry.at("samples"),    entry.at("watching"),
          entry.at("step"),    entry.at("tokens"), entry.at("loss_before")};
}

json trained_json(const TrainedSteps& trained) {
  json out = json::array();
  for (const auto& span : trained.spans)
    out.push_back({span.start, span.size.sequences, span.size.seq_len, span.size.tokens, span.full_tokens});
  return out;
}

TrainedSteps read_trained(const json& entry, int64_t steps) {
  TrainedSteps out;
  out.steps = steps;
  for (const json& span : entry) out.spans.push_back({span.at(0), {span.at(1), span.at(2), span.at(3)}, span.at(4)});
  int64_t before = -1;
  for (const auto& span : out.spans) {
    if (span.start <= before || span.start >= steps || span.size.tokens < 1 || (before < 0 && span.start != 0))
      throw Error(kCode, "the steps in its state.json do not follow each other", "trained");
    before = span.start;
  }
  return out;
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

json state_json(const Snapshot& snapshot) {
  const TrainState& s = snapshot.state;
  json steps = json::object();
  for (const auto& [name, moments] : s.optim) steps[name] = moments.step;
  json out = {{"step", s.step},
              {"operators", s.operators ? operator_json(*s.operators) : json()},
              {"watch", watch_json(s.watch)},
              {"tokens", s.tokens},
              {"flops", s.flops},
              {"stage", s.stage},
              {"stage_start", s.stage_start},
              {"stage_starts", s.stage_starts},
              {"trained", trained_json(s.trained)},
              {"lr_previous", s.lr_previous},
              {"optimizer_steps", steps},
              {"data", json::parse(snapshot.data_state)}};
  if (!snapshot.left_out.empty()) out["plugin_state_left_out"] = snapshot.left_out;
  return out;
}

json file_hashes(const fs::path& dir) {
  json out = json::object();
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    const std::string name = fs::relative(entry.path(), dir).string();
    if (entry.is_regular_file() && name != "espalier/manifest.json") out[name] = sha256_file(entry.path(), kCode);
  }
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

// What plain readers of the layout see: config.json and model.safetensors, with gates folded in where that is exact.
void write_model(const fs::path& dir, const TrainState& s, int64_t eos) {
  const PlainModel plain = s.gates ? plain_model(s.spec, s.params, *s.gates) : PlainModel{s.spec, s.params};
  json config = hf_config(plain.spec, eos);
  if (!plain.folded) {
    mark_not_plain(config);
    log_warning(
        "{}: new parts of the model are still fading in and cannot be folded into the weights (LayerNorm with "
        "a stream gate): Espalier reads this checkpoint, other programs cannot",
        dir.stem().string());
  }
  write_file(dir / "config.json", config.dump(2) + "\n", kCode);
  write_safetensors(dir / "model.safetensors", to_hf(plain.spec, plain.params));
  if (s.gates) write_safetensors(dir / kGatesFile, gates_file(s.params, plain, *s.gates));
}

void write_files(const fs::path& dir, const Snapshot& snapshot, int64_t eos, const TokenizerWriter& write_tokenizer) {
  const TrainState& s = snapshot.state;
  const fs::path own = dir / "espalier";
  make_dirs(own / "plugins", kCode);
  make_dirs(own / "plans", kCode);
  write_model(dir, s, eos);
  if (write_tokenizer) write_tokenizer_files(dir, write_tokenizer);
  write_safetensors(own / "optimizer.safetensors", optimizer_tensors(s.optim));
  write_file(own / "state.json", state_json(snapshot).dump(2) + "\n", kCode);
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

json read_json(const fs::path& path) {
  json out = json::parse(read_file(path, kCode), nullptr, false);
  if (out.is_discarded()) throw Error(kCode, "is not valid JSON", path.string());
  return out;
}

json read_manifest(const fs::path& dir) {
  const fs::path path = dir / "espalier" / "manifest.json";
  json manifest = read_json(path);
  if (manifest.value("format", "") != "espalier-checkpoint")
    throw Error(kCode, "is not an Espalier manifest", path.string());
  if (manifest.value("format_version", 0) > kFormatVersion)
    throw Error(kCode,
                fmt::format("was written by a newer Espalier (format {}, this one reads up to {})",
                            manifest.value("format_version", 0), kFormatVersion),
                path.string(), "update Espalier");
  if (const auto step = step_of(dir); step && manifest.at("step") != *step)
    throw Error(kCode, fmt::format("is the manifest of step {}", manifest.at("step").dump()), path.string(),
                "the folder was renamed: give it back its name");
  for (const auto& [name, hash] : manifest.at("files").items())
    if (sha256_file(dir / name, kCode) != hash.get<std::string>())
      throw Error(kCode, "does not match the sha256 in its manifest: the file is damaged", (dir / name).string());
  return manifest;
}

// Frees the space that a full disk needs; older checkpoints stay.
void discard(const fs::path& temporary) {
  std::error_code ignored;
  fs::remove_all(temporary, ignored);
}

bool has_gates(const json& manifest) {
  return manifest.at("files").contains(kGatesFile);
}

OptimState read_optimizer(const fs::path& own, const json& state) {
  const TensorMap tensors = read_safetensors(own / "optimizer.safetensors");
  OptimState out;
  for (const auto& [name, step] : state.at("optimizer_steps").items())
    out[name] = {tensors.at("exp_avg/" + name), tensors.at("exp_avg_sq/" + name), step.get<int64_t>()};
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
  fsync_path(checkpoints_dir, kCode);
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
    if (is_own(later))
      remove_own(later);
    else
      set_aside(later);
  }
  return dir;
}

void verify_checkpoint(const fs::path& dir) {
  try {
    read_manifest(dir);
  } catch (const json::exception& error) {
    throw Error(kCode, std::string("its manifest is incomplete: ") + error.what(), dir.string());
  }
}

Snapshot load_checkpoint(const fs::path& dir) {
  const fs::path own = dir / "espalier";
  try {
    const json manifest = read_manifest(dir);
    Snapshot out;
    const json state = read_json(own / "state.json");
    TrainState& s = out.state;
    s.spec = spec_from_hf(manifest.at("architecture"), dir.string());
    s.params = from_hf(s.spec, read_safetensors(dir / "model.safetensors"), (dir / "model.safetensors").string());
    if (has_gates(manifest)) s.gates = read_gates_file(dir / kGatesFile, s.spec, s.params);
    s.optim = read_optimizer(own, state);
    s.step = state.at("step");
    s.tokens = state.at("tokens");
    s.flops = state.at("flops");
    s.stage = state.at("stage");
    s.stage_start = state.at("stage_start");
    s.lr_previous = state.at("lr_previous");
    s.trained = read_trained(state.value("trained", json::array()), s.step);
    out.left_out = state.value("plugin_state_left_out", std::vector<std::string>());
    s.lineage = lineage_from_json(manifest.at("lineage"), dir.string());
    if (const json initial = manifest.value("initial_weights", json()); !initial.is_null())
      s.origin = initial_from_json(initial);
    for (auto& event : s.lineage) {
      event.plan_bytes = read_file(own / "plans" / (event.plan_hash + ".bin"), kCode);
      if (event.operator_steps > 0) event.leaves = read_safetensors(own / "plans" / (event.plan_hash + ".safetensors"));
    }
    if (s.step < 0 || s.tokens < 0 || s.stage < 0 || s.stage > kMaxStages)
      throw Error(kCode, "the counters in its state.json are impossible", dir.string());
    s.stage_starts = state.value("stage_starts", std::vector<int64_t>());
    if (s.stage_starts.size() != static_cast<size_t>(s.stage) + 1) s.stage_starts = stage_starts_of(s);
    if (manifest.at("files").contains("espalier/quality.bin")) out.quality = read_file(own / "quality.bin", kCode);
    if (const json operators = state.value("operators", json()); !operators.is_null())
      s.operators = read_operators(own / "operators.safetensors", operators);
    if (state.contains("watch")) s.watch = read_watch(state.at("watch"));
    out.data_state = state.at("data").dump();
    out.plugins = plugins_from_json(manifest.at("plugins"));
    out.config_toml = read_file(own / "config.resolved.toml", kCode);
    for (const auto& entry : fs::directory_iterator(own / "plugins"))
      out.plugin_state[entry.path().stem().string()] = read_file(entry.path(), kCode);
    return out;
  } catch (const json::exception& error) {
    throw Error(kCode, std::string("the checkpoint is incomplete: ") + error.what(), dir.string());
  } catch (const std::out_of_range&) {
    throw Error(kCode, "the optimizer's state lacks a parameter", dir.string());
  }
}

std::optional<Found> load_latest(const fs::path& checkpoints_dir, std::vector<std::string>& skipped) {
  Found found;
  const auto dir = newest_checkpoint(
      checkpoints_dir, [&](const fs::path& folder) { found.snapshot = load_checkpoint(folder); }, skipped);
  if (!dir) return std::nullopt;
  found.dir = *dir;
  return found;
}

namespace {

LoadedModel read_model(const fs::path& dir) {
  const bool ours = fs::exists(dir / "espalier" / "manifest.json");
  if (ours) verify_checkpoint(dir);
  const json manifest = ours ? read_manifest(dir) : json();
  const bool gated = ours && has_gates(manifest);
  LoadedModel out;
  out.dir = dir;
  // config.json of a gated model describes the folded one.
  out.spec = gated ? spec_from_hf(manifest.at("architecture"), dir.string())
                   : spec_from_hf(read_json(dir / "config.json"), (dir / "config.json").string());
  const fs::path weights = dir / "model.safetensors";
  out.params = from_hf(out.spec, read_safetensors(weights), weights.string());
  out.shape =
      gated ? read_gates_file(dir / kGatesFile, out.spec, out.params) : StepShape::everything(out.spec.num_layers);
  return out;
}

}  // namespace

std::optional<LoadedModel> find_model(const fs::path& path) {
  LoadedModel out;
  if (!open_model(path, [&](const fs::path& dir) { out = read_model(dir); })) return std::nullopt;
  return out;
}

LoadedModel load_model(const fs::path& path) {
  if (auto found = find_model(path)) return *std::move(found);
  throw Error(kCode, "is not a model folder: it has no config.json", path.string(),
              "give a checkpoint such as runs/NAME/checkpoints/step-00000100, the folder of a run that has one, or a "
              "Hugging Face model folder");
}

}  // namespace espalier
