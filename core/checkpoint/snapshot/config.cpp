#include "core/checkpoint/snapshot/config.h"

namespace espalier {

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

}  // namespace espalier
