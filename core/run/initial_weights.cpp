#include "core/run/initial_weights.h"

#include <ATen/core/Tensor.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <set>

#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/checkpoint/model_files/model_folder.h"
#include "core/checkpoint/model_files/model_weights.h"
#include "core/checkpoint/model_files/newest_checkpoint.h"
#include "core/config/toml_changes.h"
#include "core/run/resume_checks.h"

namespace espalier {
namespace {

using nlohmann::json;

constexpr const char* kPathKey = "checkpoint.initial_load_path";
constexpr double kEpsTolerance = 1e-4;  // relative

// Files and stages of growth (eps times d/D) round norm_eps, each in its own way.
bool same_eps(const ModelSpec& a, const ModelSpec& b) {
  return std::abs(a.norm_eps - b.norm_eps) <= kEpsTolerance * b.norm_eps;
}

// seq_len is the run's own: rotary positions have no table of it.
bool same_shape(ModelSpec a, const ModelSpec& b) {
  if (a.position == Position::rope) a.seq_len = b.seq_len;
  if (same_eps(a, b)) a.norm_eps = b.norm_eps;
  return a == b;
}

void check_shape(const ModelSpec& loaded, const ModelSpec& wanted, const ModelSpec& final_spec, const fs::path& dir) {
  if (same_shape(loaded, wanted)) return;
  ModelSpec with_eps = loaded;
  with_eps.norm_eps = wanted.norm_eps;
  if (same_shape(with_eps, wanted)) {
    // A strategy may scale norm_eps from stage to stage; what the user sets is that of the last one.
    const bool scaled = wanted.norm_eps != final_spec.norm_eps;
    throw Error(ErrorCode::checkpoint,
                fmt::format("has norm_eps {:.7g}, the run begins with {:.7g}{}", loaded.norm_eps, wanted.norm_eps,
                            scaled ? fmt::format(" so that growth ends at {:.7g}", final_spec.norm_eps) : ""),
                dir.string(),
                fmt::format("set model.norm_eps = {:.6g}", loaded.norm_eps * final_spec.norm_eps / wanted.norm_eps));
  }
  ModelSpec compared = loaded;
  if (compared.position == Position::rope) compared.seq_len = wanted.seq_len;
  throw Error(ErrorCode::checkpoint,
              "holds another model than the one that the run begins with: " + spec_differences(compared, wanted),
              dir.string(), "set these keys of [model] (and training.seq_len) to what the checkpoint has");
}

void check_tokenizer(const Snapshot& snapshot, const Tokenizer& tokenizer, const fs::path& dir) {
  if (tokenizer_of(snapshot, dir) == tokenizer.fingerprint()) return;
  throw Error(ErrorCode::checkpoint, "was trained with another tokenizer than the configuration gives now",
              dir.string(), fmt::format("set data.tokenizer = \"{}\"", dir.string()));
}

}  // namespace

std::string describe_changes(const std::string& before_toml, const std::string& after_toml) {
  const auto changes = toml_changes(before_toml, after_toml);
  std::set<std::string> keys;
  for (const auto& change : changes) keys.insert(change.key);
  std::string out;
  for (const auto& change : changes) {
    // What another plugin was set to says nothing about this one, and of a source that came or went the name is enough.
    const size_t params = change.key.find(".params."), last = change.key.rfind('.');
    if (change.after.empty() && params != std::string::npos &&
        keys.count(change.key.substr(0, params) + ".plugin") != 0)
      continue;
    const std::string name = last == std::string::npos ? "" : change.key.substr(0, last) + ".name";
    if ((change.before.empty() || change.after.empty()) && change.key != name && keys.count(name) != 0) continue;
    out += fmt::format("  {}: {} -> {}\n", change.key, change.before.empty() ? "not set" : change.before,
                       change.after.empty() ? "not set" : change.after);
  }
  return out;
}

TrainState load_initial_weights(const RunConfig& config, const Tokenizer& tokenizer, const RunShape& shape,
                                const RunPlan& plan, at::Device device) {
  const std::string& path = config.checkpoint.initial_load_path;
  const bool optimizer = config.checkpoint.initial_load_optimizer == "load";
  std::optional<Snapshot> loaded;
  const auto found = open_model(path, [&](const fs::path& folder) {
    if (fs::exists(folder / "espalier" / "manifest.json")) loaded = load_checkpoint(folder);
  });
  if (!found)
    throw Error(ErrorCode::config, fmt::format("{} holds no model", path), config.places.of(kPathKey),
                "give a checkpoint, the folder of a run that has one, or a Hugging Face model folder");
  const fs::path& dir = *found;
  TrainState state;
  InitialWeights origin{dir.string(), weights_sha256(dir), 0, 0, 0, optimizer, {}};
  if (loaded) {
    Snapshot& snapshot = *loaded;
    check_tokenizer(snapshot, tokenizer, dir);
    if (snapshot.state.gates)
      throw Error(ErrorCode::checkpoint,
                  "was saved while parts added by a growth were still fading in, and a new run has no gates for them",
                  dir.string(), "take a checkpoint from after the gates have opened, or resume that run");
    state.spec = snapshot.state.spec;
    state.params = std::move(snapshot.state.params);
    if (optimizer) state.optim = std::move(snapshot.state.optim);
    origin.step = snapshot.state.step;
    origin.tokens = snapshot.state.tokens;
    origin.lr_last = snapshot.state.lr_previous;
    if (snapshot.state.origin) origin.config = snapshot.state.origin->config;
    const std::string changes = describe_changes(snapshot.config_toml, resolved_toml(config));
    if (!changes.empty())
      log_info("settings that differ from those the weights were trained with; the new ones hold:\n{}", changes);
  } else {
    if (optimizer)
      throw Error(ErrorCode::config, fmt::format("{} has no optimizer state to load", dir.string()),
                  config.places.of("checkpoint.initial_load_optimizer"),
                  "set checkpoint.initial_load_optimizer = \"reset\"");
    LoadedModel model = load_model(dir);
    state.spec = model.spec;
    state.params = std::move(model.params);
    origin.config = model.config.kept;
    for (const std::string& note : model.config.notes) log_warning("{}: {}", dir.string(), note);
    if (const int32_t eos = tokenizer.eos(); model.config.start_token(eos) != eos)
      log_warning(
          "{}: texts of this model begin with bos_token_id = {}; the run puts only the end-of-text token {} "
          "between them",
          dir.string(), model.config.start_token(eos), eos);
  }
  const ModelSpec& wanted = plan.timeline.stages.front().spec;
  check_shape(state.spec, wanted, shape.final_spec, dir);
  state.spec = wanted;
  Progress start;
  start.total_steps = plan.timeline.total_steps;
  start.total_tokens = plan.timeline.total_tokens;
  start.num_stages = static_cast<int64_t>(plan.timeline.stages.size());
  start.stage_total_steps = plan.timeline.stages.front().steps;
  start.lr_peak = config.optimizer.lr;
  log_info("weights from {}{}; optimizer state {}; learning rate {}{:.3e}", dir.string(),
           origin.step > 0 ? fmt::format(" ({} steps, {} tokens)", origin.step, with_commas(origin.tokens)) : "",
           optimizer ? "loaded" : "reset",
           origin.lr_last > 0 ? fmt::format("{:.3e} there, here from ", origin.lr_last) : "from ",
           plan.decisions.lr->value(start));
  state.origin = std::move(origin);
  return to_device(std::move(state), device);
}

std::string format_change_of_loss(const InitialWeights& origin, const std::vector<SourceEvaluation>& now) {
  if (origin.val_loss.empty()) return {};
  std::string out = fmt::format("{:<16} {:>10} {:>10} {:>10}\n", "loss by source", "before", "after", "change");
  for (const auto& [source, result] : now)
    if (const auto before = origin.val_loss.find(source); before != origin.val_loss.end())
      out += fmt::format("{:<16} {:>10.4f} {:>10.4f} {:>+10.4f}\n", source, before->second, result.nll(),
                         result.nll() - before->second);
  return out;
}

}  // namespace espalier
