#include "core/checkpoint/hf_layout.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <nlohmann/json.hpp>

namespace espalier {
namespace {

using at::Tensor;
using nlohmann::json;

// Role -> the module's name inside a Llama block.
constexpr std::array<std::pair<const char*, const char*>, 9> kLlamaRoles{{{"norm1", "input_layernorm"},
                                                                          {"attn.q", "self_attn.q_proj"},
                                                                          {"attn.k", "self_attn.k_proj"},
                                                                          {"attn.v", "self_attn.v_proj"},
                                                                          {"attn.o", "self_attn.o_proj"},
                                                                          {"norm2", "post_attention_layernorm"},
                                                                          {"mlp.gate", "mlp.gate_proj"},
                                                                          {"mlp.up", "mlp.up_proj"},
                                                                          {"mlp.down", "mlp.down_proj"}}};
constexpr std::array<std::pair<const char*, const char*>, 5> kGpt2Roles{{{"norm1", "ln_1"},
                                                                         {"attn.o", "attn.c_proj"},
                                                                         {"norm2", "ln_2"},
                                                                         {"mlp.up", "mlp.c_fc"},
                                                                         {"mlp.down", "mlp.c_proj"}}};

template <class Roles>
std::string role_name(const Roles& roles, const std::string& role) {
  for (const auto& [ours, theirs] : roles)
    if (role == ours) return theirs;
  return {};
}

std::string suffix(const ParamInfo& info) {
  return info.name.ends_with(".bias") ? ".bias" : ".weight";
}
bool is_qkv(const ParamInfo& info) {
  return info.role == "attn.q" || info.role == "attn.k" || info.role == "attn.v";
}

// The tensor's name in the layout; for GPT-2's q, k, v it is the fused c_attn.
std::string hf_name(const std::string& layout, const ParamInfo& info) {
  if (layout == "espalier") return info.name;
  const bool llama = layout == "llama";
  if (info.role == "embed") return llama ? "model.embed_tokens.weight" : "transformer.wte.weight";
  if (info.role == "pos_embed") return "transformer.wpe.weight";
  if (info.role == "final_norm") return (llama ? "model.norm" : "transformer.ln_f") + suffix(info);
  if (info.role == "lm_head") return "lm_head.weight";
  if (llama) return fmt::format("model.layers.{}.{}{}", info.layer, role_name(kLlamaRoles, info.role), suffix(info));
  const std::string module = is_qkv(info) ? "attn.c_attn" : role_name(kGpt2Roles, info.role);
  return fmt::format("transformer.h.{}.{}{}", info.layer, module, suffix(info));
}

// GPT-2 keeps its linear weights as [in, out] (Conv1D).
bool transposed(const std::string& layout, const ParamInfo& info) {
  return layout == "gpt2" && info.layer >= 0 && info.is_matrix();
}

template <class T>
T get(const json& config, const char* key, const std::string& place) {
  const auto it = config.find(key);
  if (it == config.end()) throw Error(ErrorCode::checkpoint, fmt::format("config.json lacks '{}'", key), place);
  try {
    return it->get<T>();
  } catch (const json::exception&) {
    throw Error(ErrorCode::checkpoint, fmt::format("config.json: '{}' has another type than expected", key), place);
  }
}

json own_config(const ModelSpec& s) {
  return {{"model_type", "espalier"},
          {"num_layers", s.num_layers},
          {"d_model", s.d_model},
          {"num_heads", s.num_heads},
          {"num_kv_heads", s.num_kv_heads},
          {"head_dim", s.head_dim},
          {"d_ff", s.d_ff},
          {"vocab_size", s.vocab_size},
          {"seq_len", s.seq_len},
          {"norm", name_of(s.norm)},
          {"position", name_of(s.position)},
          {"activation", name_of(s.activation)},
          {"bias", s.bias},
          {"tie_embeddings", s.tie_embeddings},
          {"norm_eps", s.norm_eps},
          {"rope_theta", s.rope_theta}};
}

ModelSpec own_spec(const json& c, const std::string& place) {
  ModelSpec s;
  s.num_layers = get<int64_t>(c, "num_layers", place);
  s.d_model = get<int64_t>(c, "d_model", place);
  s.num_heads = get<int64_t>(c, "num_heads", place);
  s.num_kv_heads = get<int64_t>(c, "num_kv_heads", place);
  s.head_dim = get<int64_t>(c, "head_dim", place);
  s.d_ff = get<int64_t>(c, "d_ff", place);
  s.vocab_size = get<int64_t>(c, "vocab_size", place);
  s.seq_len = get<int64_t>(c, "seq_len", place);
  s.norm = get<std::string>(c, "norm", place) == "rmsnorm" ? Norm::rmsnorm : Norm::layernorm;
  s.position = get<std::string>(c, "position", place) == "rope" ? Position::rope : Position::learned;
  const auto activation = get<std::string>(c, "activation", place);
  s.activation = activation == "swiglu" ? Activation::swiglu
                 : activation == "gelu" ? Activation::gelu
                                        : Activation::relu2;
  s.bias = get<bool>(c, "bias", place);
  s.tie_embeddings = get<bool>(c, "tie_embeddings", place);
  s.norm_eps = get<double>(c, "norm_eps", place);
  s.rope_theta = get<double>(c, "rope_theta", place);
  return s;
}

}  // namespace

std::string hf_layout(const ModelSpec& s) {
  if (s.norm == Norm::rmsnorm && s.position == Position::rope && s.activation == Activation::swiglu) return "llama";
  const bool gpt2 = s.norm == Norm::layernorm && s.position == Position::learned && s.activation == Activation::gelu &&
                    s.bias && s.num_kv_heads == s.num_heads && s.num_heads * s.head_dim == s.d_model;
  return gpt2 ? "gpt2" : "espalier";
}

json hf_config(const ModelSpec& s, int64_t eos_token_id) {
  const std::string layout = hf_layout(s);
  json config;
  if (layout == "llama") {
    config = {{"architectures", {"LlamaForCausalLM"}},
              {"model_type", "llama"},
              {"hidden_size", s.d_model},
              {"num_hidden_layers", s.num_layers},
              {"num_attention_heads", s.num_heads},
              {"num_key_value_heads", s.num_kv_heads},
              {"head_dim", s.head_dim},
              {"intermediate_size", s.d_ff},
              {"hidden_act", "silu"},
              {"rms_norm_eps", s.norm_eps},
              {"rope_theta", s.rope_theta},
              {"max_position_embeddings", s.seq_len},
              {"attention_bias", s.bias},
              {"mlp_bias", s.bias}};
  } else if (layout == "gpt2") {
    config = {{"architectures", {"GPT2LMHeadModel"}},
              {"model_type", "gpt2"},
              {"n_embd", s.d_model},
              {"n_layer", s.num_layers},
              {"n_head", s.num_heads},
              {"n_inner", s.d_ff},
              {"n_positions", s.seq_len},
              {"activation_function", "gelu_new"},
              {"layer_norm_epsilon", s.norm_eps},
              {"attn_pdrop", 0.0},
              {"embd_pdrop", 0.0},
              {"resid_pdrop", 0.0}};
  } else {
    config = own_config(s);
  }
  config["vocab_size"] = s.vocab_size;
  config["tie_word_embeddings"] = s.tie_embeddings;
  config["torch_dtype"] = "float32";
  if (eos_token_id >= 0) config["bos_token_id"] = config["eos_token_id"] = eos_token_id;
  return config;
}

ModelSpec spec_from_hf(const json& c, const std::string& place) {
  const auto type = get<std::string>(c, "model_type", place);
  if (type == "espalier") return own_spec(c, place);
  if (type != "llama" && type != "gpt2")
    throw Error(ErrorCode::checkpoint, fmt::format("a model of type '{}' cannot be read", type), place,
                "supported: gpt2, llama and Espalier's own layout");
  ModelSpec s;
  s.vocab_size = get<int64_t>(c, "vocab_size", place);
  s.tie_embeddings = c.value("tie_word_embeddings", type == "gpt2");
  if (type == "llama") {
    s.d_model = get<int64_t>(c, "hidden_size", place);
    s.num_layers = get<int64_t>(c, "num_hidden_layers", place);
    s.num_heads = get<int64_t>(c, "num_attention_heads", place);
    s.num_kv_heads = c.value("num_key_value_heads", s.num_heads);
    const auto head_dim = c.find("head_dim");
    s.head_dim = head_dim != c.end() && head_dim->is_number() ? head_dim->get<int64_t>() : s.d_model / s.num_heads;
    s.d_ff = get<int64_t>(c, "intermediate_size", place);
    s.seq_len = get<int64_t>(c, "max_position_embeddings", place);
    s.norm_eps = get<double>(c, "rms_norm_eps", place);
    // Newer writers nest it: rope_parameters = {"rope_theta": ...}.
    s.rope_theta = c.contains("rope_theta")        ? get<double>(c, "rope_theta", place)
                   : c.contains("rope_parameters") ? get<double>(c["rope_parameters"], "rope_theta", place)
                                                   : 10000.0;
    s.bias = c.value("attention_bias", false);
    return s;
  }
  s.norm = Norm::layernorm;
  s.position = Position::learned;
  s.activation = Activation::gelu;
  s.bias = true;
  s.d_model = get<int64_t>(c, "n_embd", place);
  s.num_layers = get<int64_t>(c, "n_layer", place);
  s.num_heads = s.num_kv_heads = get<int64_t>(c, "n_head", place);
  s.head_dim = s.d_model / s.num_heads;
  const auto inner = c.find("n_inner");
  s.d_ff = inner != c.end() && inner->is_number() ? inner->get<int64_t>() : 4 * s.d_model;
  s.seq_len = get<int64_t>(c, "n_positions", place);
  s.norm_eps = get<double>(c, "layer_norm_epsilon", place);
  return s;
}

TensorMap to_hf(const ModelSpec& spec, const ParamTable& params) {
  const std::string layout = hf_layout(spec);
  TensorMap out;
  std::map<std::string, std::vector<Tensor>> fused;
  for (const auto& param : params) {
    const std::string name = hf_name(layout, param.info);
    const Tensor value = transposed(layout, param.info) ? param.value.detach().t() : param.value.detach();
    if (layout == "gpt2" && is_qkv(param.info))
      fused[name].push_back(value);  // in the order q, k, v
    else
      out[name] = value.contiguous();
  }
  for (const auto& [name, parts] : fused) out[name] = at::cat(parts, parts[0].dim() - 1);
  return out;
}

ParamTable from_hf(const ModelSpec& spec, const TensorMap& tensors, const std::string& place) {
  const std::string layout = hf_layout(spec);
  return {spec, [&](const ParamInfo& info) {
            const std::string name = hf_name(layout, info);
            auto it = tensors.find(name);
            // Some writers drop the base model's prefix.
            if (it == tensors.end() && name.find('.') != std::string::npos)
              it = tensors.find(name.substr(name.find('.') + 1));
            if (it == tensors.end())
              throw Error(ErrorCode::checkpoint, fmt::format("the tensor '{}' is missing", name), place);
            Tensor value = it->second.to(at::kFloat);
            if (layout == "gpt2" && is_qkv(info)) {
              const int64_t part = info.role == "attn.q" ? 0 : info.role == "attn.k" ? 1 : 2;
              value = value.chunk(3, -1)[static_cast<size_t>(part)];
            }
            if (transposed(layout, info)) value = value.t();
            if (value.sizes().vec() != info.shape)
              throw Error(ErrorCode::checkpoint,
                          fmt::format("'{}' has the shape [{}], expected [{}]", name,
                                      fmt::join(value.sizes().vec(), ", "), fmt::join(info.shape, ", ")),
                          place);
            return value.clone(at::MemoryFormat::Contiguous);
          }};
}

}  // namespace espalier
