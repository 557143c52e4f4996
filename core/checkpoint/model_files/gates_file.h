// espalier/gates.safetensors: the gates of parts that were still fading in when a checkpoint was saved, and the weights
// that differ from those of model.safetensors, into which the gates are folded where that is exact.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "core/checkpoint/model_files/safetensors.h"
#include "core/model/param_table.h"
#include "core/model/step_shape.h"

namespace espalier {

// In a checkpoint only where gates are not open.
inline constexpr const char* kGatesFile = "espalier/gates.safetensors";

// What model.safetensors and config.json hold of a gated model.
struct PlainModel {
  ModelSpec spec;
  ParamTable params;
  bool folded = true;  // false: the weights as they are, which run without their gates are another model
};
PlainModel plain_model(const ModelSpec& spec, const ParamTable& params, const StepShape& gates);

// Makes a config.json say that plain readers must not use the weights beside it.
void mark_not_plain(nlohmann::json& config);

// `gates/...` and `weights/<parameter>`, own names.
TensorMap gates_file(const ParamTable& params, const PlainModel& plain, const StepShape& gates);

// Puts the weights of a gates file back into `params`, read from the model.safetensors beside it, and returns the
// gates. Throws Error(checkpoint) for shapes that do not fit `spec`.
StepShape read_gates_file(const fs::path& path, const ModelSpec& spec, ParamTable& params);

}  // namespace espalier
