// What a run does after its last step, and how the next process knows whether that was done.
#pragma once

#include "core/data/stream/val_set.h"
#include "core/run/checkpoint_saver.h"
#include "core/run/data.h"
#include "core/run/recorder.h"

namespace espalier {

// finished.json in the run folder: the step after which everything was done. Gone while the run trains.
bool is_finished(const fs::path& run_dir, const TrainState& state);
void unmark_finished(const fs::path& run_dir);

struct FinishParts {
  const RunConfig* config = nullptr;
  const RunData* data = nullptr;
  const std::vector<ValSet>* sets = nullptr;
  Recorder* recorder = nullptr;
  CheckpointSaver* saver = nullptr;
  fs::path run_dir;
  ComputeType compute = ComputeType::fp32;
};

// The checkpoint, the final validation, the samples and the judgement of the last stage's data, then finished.json. All
// may be done again with the same result, so it may be cut off anywhere. Throws Error of any code.
void finish_run(const FinishParts& parts, const TrainState& state);

}  // namespace espalier
