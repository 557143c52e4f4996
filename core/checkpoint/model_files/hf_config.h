// The config.json of a model folder <-> the architecture. Three layouts: "gpt2", "llama", and "espalier" (our own
// names) for settings that neither can express. No tensors here.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "core/model/spec.h"

namespace espalier {

// "llama": RMSNorm, RoPE, a gated MLP. "gpt2": LayerNorm, learned positions, a plain MLP, biases, full attention heads.
std::string hf_layout(const ModelSpec& spec);

// What a config.json says.
struct HfConfig {
  ModelSpec spec;
  std::optional<int64_t> bos_token_id;  // inside the vocabulary
  std::vector<int64_t> eos_token_ids;   // the same
  // JSON object of what changes nothing in the model and is written back when its training goes on: token ids,
  // max_position_embeddings, initializer_range, dropout.
  std::string kept = "{}";
  std::vector<std::string> notes;  // what was read and is not done, for the log

  // What a text begins with: the model's own beginning-of-text token, else the end of the text before.
  int32_t start_token(int32_t end_of_text) const {
    return bos_token_id ? static_cast<int32_t>(*bos_token_id) : end_of_text;
  }
};

// Each key is honoured, known to change nothing, or refused by name with its value; null is the same as absent, and
// what is absent has the default of transformers. Throws Error(checkpoint).
HfConfig read_hf_config(const nlohmann::json& config, const std::string& place);
ModelSpec spec_from_hf(const nlohmann::json& config, const std::string& place);

// config.json; eos_token_id < 0 = none. kept: of the model whose training went on. torch_dtype is that of the weights
// beside it, float32, whatever was read.
nlohmann::json hf_config(const ModelSpec& spec, int64_t eos_token_id, const std::string& kept = "{}");

}  // namespace espalier
