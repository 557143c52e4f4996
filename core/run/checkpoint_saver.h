// A run's checkpoints: of each step that is due, and of the last whole step when the run fails.
#pragma once

#include <string>

#include "core/checkpoint/snapshot/rotation.h"
#include "core/run/batches.h"
#include "core/run/plugin_host.h"
#include "core/run/stage_gates.h"
#include "core/train/trainer.h"

namespace espalier {

class CheckpointSaver {
 public:
  struct Parts {
    fs::path checkpoints;
    int64_t keep_latest = 0;
    Comm comm{};  // the first rank writes
    const Tokenizer* tokenizer = nullptr;
    const Decisions* decisions = nullptr;  // whose state is saved
    std::vector<PluginRecord> plugins;
    const LoaderBatches* batches = nullptr;
    const StageGates* gates = nullptr;  // null: stages are not judged
    GrowthGuard guard;
    std::string config_toml;
    VerifiedCheckpoints verified;  // those that are known to be whole, such as the one resumed from
  };
  // None of the parts is owned. `on_disk`: the state that training goes on from.
  CheckpointSaver(Parts parts, const TrainState& on_disk);

  // Of a state between two steps. Throws Error(checkpoint), Error(plugin) where a plugin cannot save its state, and
  // Error(diverged) for weights that are not finite.
  void save(const TrainState& state);
  bool is_saved(const TrainState& state) const { return place_of(state) == saved_; }
  // After run() failed: saves what it left, unless that is saved already, belongs to no step, or is not finite. State
  // of plugins that cannot save is left out. No older checkpoint is removed. Says what came of it; lets nothing out.
  void rescue(const Trainer& trainer) noexcept;

 private:
  struct Place {
    int64_t step = 0, stage = 0;
    size_t growths = 0;
    bool learning = false;
    friend bool operator==(const Place&, const Place&) = default;
  };
  static Place place_of(const TrainState& state);
  fs::path write(const TrainState& state, int64_t keep_latest, std::vector<std::string>* left_out);

  Parts parts_;
  Place saved_;  // what the newest checkpoint holds
};

}  // namespace espalier
