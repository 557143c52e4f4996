// Our parameter names and shapes <-> the Hugging Face layouts (hf_config.h), so that a checkpoint folder loads with
// `transformers` unchanged.
#pragma once

#include <string>

#include "core/checkpoint/model_files/hf_config.h"
#include "core/checkpoint/model_files/model_weights.h"
#include "core/checkpoint/model_files/safetensors.h"
#include "core/model/param_table.h"

namespace espalier {

TensorMap to_hf(const ModelSpec& spec, const ParamTable& params);
// Throws Error(checkpoint) for a missing tensor, one of another shape, and one that is left over and would change what
// the model computes. Values are fp32 on the CPU.
ParamTable from_hf(const ModelSpec& spec, const ModelWeights& weights);

}  // namespace espalier
