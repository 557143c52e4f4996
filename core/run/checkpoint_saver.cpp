#include "core/run/checkpoint_saver.h"

#include <ATen/core/Tensor.h>

#include <algorithm>

#include "core/base/json.h"
#include "core/base/log.h"
#include "core/report/metrics.h"
#include "core/run/growth_guard.h"
#include "core/run/plugin_state.h"
#include "core/run/signals.h"

namespace espalier {
namespace {

using nlohmann::json;

bool is_finite(const ParamTable& params) {
  return std::all_of(params.begin(), params.end(),
                     [](const Param& param) { return param.value.isfinite().all().item<bool>(); });
}

}  // namespace

CheckpointSaver::CheckpointSaver(Parts parts, const TrainState& on_disk)
    : parts_(std::move(parts)), saved_(place_of(on_disk)) {}

CheckpointSaver::Place CheckpointSaver::place_of(const TrainState& state) {
  return {state.step, state.stage, state.lineage.size(), state.operators.has_value()};
}

void CheckpointSaver::save(const TrainState& state) {
  // The last update of a run is followed by no step that would see it.
  if (!is_finite(state.params))
    throw Error(ErrorCode::diverged,
                fmt::format("the weights after step {} are not finite, so they are not saved", state.step), "training",
                "resume from the last checkpoint with a lower learning rate or a smaller max_norm");
  parts_.comm.on_first([&] { sync_metrics(parts_.checkpoints.parent_path()); });
  log_info("saved {}", write(state, parts_.keep_latest, nullptr).string());
}

fs::path CheckpointSaver::write(const TrainState& state, int64_t keep_latest, std::vector<std::string>* left_out) {
  const Doing doing("saving a checkpoint; the ones before it are whole");
  const Tokenizer& tokenizer = *parts_.tokenizer;
  const json data_state = {{"stream", to_json(parts_.batches->position())}, {"tokenizer", tokenizer.fingerprint()}};
  Snapshot snapshot{state, data_state.dump(), save_plugin_state(*parts_.decisions, left_out), parts_.plugins,
                    parts_.config_toml};
  if (left_out != nullptr) snapshot.left_out = *left_out;
  if (parts_.gates != nullptr) snapshot.quality = parts_.gates->save_state();
  fs::path dir;
  parts_.comm.on_first([&] {
    dir = save_checkpoint(
        parts_.checkpoints, snapshot, tokenizer.eos(), [&](const fs::path& folder) { tokenizer.save_hf(folder); },
        keep_latest, guarded_step(state, parts_.guard), &parts_.verified);
  });
  saved_ = place_of(state);
  return dir;
}

void CheckpointSaver::rescue(const Trainer& trainer) noexcept {
  try {
    const TrainState& state = trainer.state();
    const auto stands = [&](const char* why) {
      log_warning("step {}: {}; {}", state.step, why,
                  saved_.step == 0 ? "there is no checkpoint"
                                   : fmt::format("the newest checkpoint is that of step {}", saved_.step));
    };
    if (!trainer.whole()) return stands("the failure came while the weights were being changed, so they are not saved");
    if (is_saved(state)) return;
    // The checkpoint of before a growth is what the guard goes back to; the growth is made again when the run goes on.
    if (guarded_step(state, parts_.guard) == state.step && saved_.step == state.step)
      return stands("the growth is not saved, as growth.guard_bound has not judged it");
    if (!is_finite(state.params)) return stands("the weights are not finite, so they are not saved");
    std::vector<std::string> left_out;
    log_warning("the run fails; saved its last whole step in {}", write(state, 0, &left_out).string());
  } catch (const std::exception& error) {
    warn_line(std::string("the run fails, and its last whole step cannot be saved either: ") + error.what());
  } catch (...) {
    warn_line("the run fails, and its last whole step cannot be saved either");
  }
}

}  // namespace espalier
