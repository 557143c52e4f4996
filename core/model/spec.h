// The architecture of a model: numbers and switches, no tensors. GPT-2 and Llama are two settings of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace espalier {

enum class Norm { rmsnorm, layernorm };
enum class Position { rope, learned };
// Of the MLP. gelu: the tanh approximation, as GPT-2; gelu_erf: the exact one; relu2: squared ReLU. The last three gate
// the hidden units by their function of a second projection, as swiglu does by SiLU (Shazeer 2020).
enum class Activation { swiglu, gelu, relu2, gelu_erf, relu, silu, geglu, geglu_erf, reglu };

// How rotary frequencies are stretched for contexts longer than those of pre-training; names as in transformers.
// linear: all divided by factor. llama3: those with a wavelength above original / low_freq_factor divided by factor,
// those below original / high_freq_factor kept, a linear blend between (Llama 3.1).
struct RopeScaling {
  enum class Type { none, linear, llama3 };
  Type type = Type::none;
  double factor = 1, low_freq_factor = 1, high_freq_factor = 4;
  int64_t original_max_position_embeddings = 8192;
  friend bool operator==(const RopeScaling&, const RopeScaling&) = default;
};

struct ModelSpec {
  int64_t num_layers = 0, d_model = 0, num_heads = 0, num_kv_heads = 0, head_dim = 0, d_ff = 0;
  int64_t vocab_size = 0, seq_len = 0;
  Norm norm = Norm::rmsnorm;
  Position position = Position::rope;
  Activation activation = Activation::swiglu;
  bool attention_bias = false, mlp_bias = false, tie_embeddings = true;
  double norm_eps = 1e-5, rope_theta = 10000;
  RopeScaling rope_scaling;

  bool gated() const;  // the MLP has a gate
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

// The bounds of check_spec, also for configuration keys: whatever passes can be multiplied without overflow.
constexpr int64_t kMaxLayers = 10'000, kMaxWidth = 1 << 20, kMaxVocab = 1 << 30, kMaxSeqLen = 1 << 30;

const char* name_of(Norm norm);
const char* name_of(Position position);
const char* name_of(Activation activation);
const char* name_of(RopeScaling::Type type);
const std::vector<std::string>& activation_names();
// The value of that name, or nothing.
std::optional<Norm> norm_of(std::string_view name);
std::optional<Position> position_of(std::string_view name);
std::optional<Activation> activation_of(std::string_view name);
std::optional<RopeScaling::Type> rope_scaling_of(std::string_view name);
// "num_layers 12 not 6, norm_eps 1e-6 not 1e-5": the fields in which `a` is not `b`; empty when they are equal.
std::string spec_differences(const ModelSpec& a, const ModelSpec& b);

}  // namespace espalier
