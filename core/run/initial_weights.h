// A new run that starts from weights which another run left, as continued pre-training does. Not a resume: the step is
// 0, and order of the data, schedules and stages are those of the new configuration.
#pragma once

#include "core/run/plan.h"
#include "core/run/recorder.h"
#include "core/train/state.h"

namespace espalier {

// The state at step 0 with the weights that [checkpoint].initial_load_path names (a checkpoint, a run folder = its
// newest valid checkpoint, or a Hugging Face folder), and the optimizer's moments where asked for. Its origin has no
// losses yet. Logs where the weights come from, and which settings differ from those that they were trained with.
// Throws Error(config) where the path or the optimizer's state is missing, Error(checkpoint) for a damaged checkpoint
// and for one of another shape or tokenizer.
TrainState load_initial_weights(const RunConfig& config, const Tokenizer& tokenizer, const RunShape& shape,
                                const RunPlan& plan, at::Device device);

// "key: before -> after" a line, for the log; empty where nothing changed.
std::string describe_changes(const std::string& before_toml, const std::string& after_toml);

// A table of each source's loss before the first step and now; empty where there was no validation.
std::string format_change_of_loss(const InitialWeights& origin, const std::vector<SourceEvaluation>& now);

}  // namespace espalier
