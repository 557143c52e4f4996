// Small models for tests: fast, and odd enough that no two sizes are equal by chance.
#pragma once

#include "core/model/spec.h"

namespace espalier {

inline ModelSpec tiny_llama(int64_t num_layers = 2) {
  ModelSpec spec;
  spec.num_layers = num_layers;
  spec.d_model = 32;
  spec.num_heads = 4;
  spec.num_kv_heads = 2;
  spec.head_dim = 8;
  spec.d_ff = 48;
  spec.vocab_size = 61;
  spec.seq_len = 16;
  return spec;
}

inline ModelSpec tiny_gpt2(int64_t num_layers = 2) {
  ModelSpec spec = tiny_llama(num_layers);
  spec.num_kv_heads = 4;
  spec.norm = Norm::layernorm;
  spec.position = Position::learned;
  spec.activation = Activation::gelu;
  spec.attention_bias = spec.mlp_bias = true;
  return spec;
}

}  // namespace espalier
