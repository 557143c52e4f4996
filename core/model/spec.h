// The architecture of a model: numbers and switches, no tensors. GPT-2 and Llama are two settings of it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace espalier {

enum class Norm { rmsnorm, layernorm };
enum class Position { rope, learned };
enum class Activation { swiglu, gelu, relu2 };  // gelu: the tanh approximation, as GPT-2; relu2: squared ReLU

struct ModelSpec {
  int64_t num_layers = 0, d_model = 0, num_heads = 0, num_kv_heads = 0, head_dim = 0, d_ff = 0;
  int64_t vocab_size = 0, seq_len = 0;
  Norm norm = Norm::rmsnorm;
  Position position = Position::rope;
  Activation activation = Activation::swiglu;
  bool bias = false, tie_embeddings = true;
  double norm_eps = 1e-5, rope_theta = 10000;

  bool gated() const { return activation == Activation::swiglu; }
  friend bool operator==(const ModelSpec&, const ModelSpec&) = default;
};

// One parameter as the architecture prescribes it. Linear weights are [out, in].
struct ParamInfo {
  std::string name, role;  // "layers.3.attn.q.weight", "attn.q"
  int layer = -1;          // -1 outside the blocks
  std::vector<int64_t> shape;
  std::vector<std::string> axes;  // "vocab" "seq" "d_model" "q" "kv" "d_ff"
  int64_t numel() const;
  bool is_matrix() const { return shape.size() >= 2; }
};

// Every parameter in model order: embed, pos_embed, the layers, final_norm, lm_head (absent when tied).
std::vector<ParamInfo> param_infos(const ModelSpec& spec);
int64_t num_params(const ModelSpec& spec);

// Empty when the numbers fit together, else the reason and the [model] key at fault ("d_model").
struct SpecProblem {
  std::string key, message;
};
SpecProblem check_spec(const ModelSpec& spec);

const char* name_of(Norm norm);
const char* name_of(Position position);
const char* name_of(Activation activation);

}  // namespace espalier
