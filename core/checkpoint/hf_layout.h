// Our parameter names and shapes <-> the Hugging Face layouts, so that a checkpoint folder loads with `transformers`
// unchanged. Three layouts: "gpt2", "llama", and "espalier" (our own names) for settings that neither can express.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/checkpoint/safetensors.h"
#include "core/model/param_table.h"

namespace espalier {

// "llama": RMSNorm, RoPE, SwiGLU. "gpt2": LayerNorm, learned positions, GELU, biases, full attention heads.
std::string hf_layout(const ModelSpec& spec);
// config.json; eos_token_id < 0 = none.
nlohmann::json hf_config(const ModelSpec& spec, int64_t eos_token_id);
// The architecture of a config.json of ours or of the two families. Throws Error(checkpoint).
ModelSpec spec_from_hf(const nlohmann::json& config, const std::string& place);

TensorMap to_hf(const ModelSpec& spec, const ParamTable& params);
// Throws Error(checkpoint) for a missing tensor or another shape. Values are fp32 on the CPU.
ParamTable from_hf(const ModelSpec& spec, const TensorMap& tensors, const std::string& place);

}  // namespace espalier
