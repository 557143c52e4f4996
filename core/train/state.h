// Everything that training changes. A checkpoint is this, the data position and the plugins' own state.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/growth/audit.h"
#include "core/model/optim_state.h"
#include "core/model/param_table.h"
#include "core/model/step_shape.h"
#include "core/train/growth_watch.h"
#include "core/train/operator_phase.h"
#include "core/train/step_sizes.h"

namespace espalier {

// A plugin that took part in the run, as pinned in the manifest.
struct PluginRecord {
  std::string slot;  // "growth", "schedule.lr", ...
  std::string id, version, sha256, params_json;
  std::string path = {};  // of the library then; empty in older checkpoints
};

// One growth of the model, as recorded in the log, the metrics and the checkpoint's lineage.
struct GrowthEvent {
  int64_t step = 0, tokens = 0, stage = 0;
  ModelSpec from, to;
  std::string plan_bytes, plan_hash;  // canonical bytes and their SHA-256: the plan can be audited without the plugin
  double plan_flops = 0;
  PluginRecord plugin;  // whose plan it was
  growth::Audit audit;
  growth::Leaves leaves{};     // what the operator phase learned; empty without one
  int64_t operator_steps = 0;  // its length
};

// Where the first weights of a run came from, when it did not draw them ([checkpoint].initial_load_path).
struct InitialWeights {
  std::string path, sha256;                // the folder; of its model.safetensors
  int64_t step = 0, tokens = 0;            // of the run that made them; 0: not known
  double lr_last = 0;                      // its last learning rate; 0: not known
  bool optimizer = false;                  // whether its moments were taken over
  std::map<std::string, double> val_loss;  // of each source before the first step, in nats a token
  std::string config = "{}";  // JSON: what is written back into config.json (core/checkpoint/model_files/hf_config.h)
};

struct TrainState {
  ModelSpec spec;
  ParamTable params;
  OptimState optim;
  int64_t step = 0, tokens = 0;        // finished steps, tokens trained on
  int64_t stage = 0, stage_start = 0;  // growth stage and the step at which it began
  // The step at which each stage so far began; -1: not known, of an older checkpoint.
  std::vector<int64_t> stage_starts{0};
  TrainedSteps trained;  // the steps behind, `step` of them
  double flops = 0, lr_previous = 0;
  std::vector<GrowthEvent> lineage;
  std::optional<OperatorPhase> operators;  // while a growth operator is being learned; the model is still the old one
  GrowthWatch watch;
  std::optional<InitialWeights> origin;
  // Scales and gates of parts that are still fading in; nothing where the model is whole.
  std::optional<StepShape> gates;

  // How this model is evaluated, sampled and saved.
  StepShape shape() const { return gates ? *gates : StepShape::everything(spec.num_layers); }
};

}  // namespace espalier
