// [model]: the final architecture. The growth strategy says where to start and each step on the way.
#pragma once

#include <string>

#include "core/config/toml.h"
#include "core/model/spec.h"

namespace espalier {

// [model.rope_scaling]
struct RopeScalingConfig {
  std::string type = "none";
  double factor = 1, low_freq_factor = 1, high_freq_factor = 4;
  int64_t original_max_position_embeddings = 8192;

  void fields(Fields& f);
};

struct ModelConfig {
  int64_t num_layers = 12, d_model = 768, num_heads = 12, num_kv_heads = 0, head_dim = 0, d_ff = 0, vocab_size = 0;
  std::string norm = "rmsnorm", position = "rope", activation = "swiglu";
  bool bias = false, attention_bias = false, mlp_bias = false, tie_embeddings = true;
  double norm_eps = 1e-5, rope_theta = 10000, init_std = 0.02;
  RopeScalingConfig rope_scaling;

  void fields(Fields& f);
  // The numbers with their automatic values filled in. vocab_size and seq_len come from the tokenizer and [training].
  // Throws Error(config) at the key at fault.
  ModelSpec spec(int64_t tokenizer_vocab, int64_t seq_len, const Places& places) const;
};

}  // namespace espalier
