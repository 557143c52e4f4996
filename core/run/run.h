// A run under way: the state, where its batches come from, and what it leaves behind.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "core/data/stream/val_set.h"
#include "core/device/device.h"
#include "core/run/batches.h"
#include "core/run/checkpoint_saver.h"
#include "core/run/plan.h"
#include "core/run/recorder.h"
#include "core/run/run_folder.h"
#include "core/run/stage_gates.h"

namespace espalier {

// What a run is before it trains; all of it outlives the run.
struct RunValues {
  const RunConfig& config;  // resolved
  const DeviceInfo& device;
  const Comm& comm;
  const RunData& data;
  const RunSteps& steps;
  const RunShape& shape;
  const RunPlan& plan;
  const PluginUses& plugins;
};

class Run {
 public:
  // Takes up the folder's checkpoint, the weights of checkpoint.initial_load_path, or draws the first ones. Throws
  // Error(checkpoint), Error(config) where these are of another run.
  Run(const RunValues& values, TokenStream stream, RunFolder& folder);
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  const TrainState& state() const { return state_; }
  // Every step is behind it, and so is what follows the last one.
  bool is_finished() const;
  // The first that is written into the folder. Throws Error of any code where the run may not go on; then nothing is.
  void begin(const std::vector<std::string>& argv);
  // To the end, or until a signal asks it to save and stop. Whatever fails, the last whole step is saved first. Once.
  void train();

 private:
  TrainState resumed_state();
  TrainState first_state() const;
  bool is_over() const { return state_.step >= values_.steps.total_steps(); }
  std::optional<StageGates> make_gates() const;

  RunValues values_;
  RunFolder& folder_;
  ComputeType compute_;
  std::optional<StageGates> gates_;  // nothing: stages are not judged
  DataLoader loader_;
  LoaderBatches batches_;
  std::vector<ValSet> sets_;
  TrainState state_;
  growth::Probe probe_;
  GrowthGuard guard_;
  RecorderParts recorded_;  // what is known of them before begin() writes
  std::string config_toml_;
};

}  // namespace espalier
