#include "core/checkpoint/model_files/hf_param_names.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/cat.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <set>

#include "core/base/text.h"

namespace espalier {
namespace {

using at::Tensor;

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

// What transformers writes beside the weights, or wrote once, and makes anew when it reads: tables of rotary
// frequencies and of GPT-2's causal mask.
bool is_buffer(const std::string& name) {
  return name.ends_with(".rotary_emb.inv_freq") || name.ends_with(".attn.masked_bias") || name.ends_with(".attn.bias");
}

// A tied model has one matrix; a second one is harmless where it is the same.
void check_tied_head(const ModelWeights& weights, const std::string& head, const Tensor& embedding) {
  const Tensor value = weights.read(head);
  if (value.sizes() == embedding.sizes() && value.equal(embedding)) return;
  throw Error(ErrorCode::checkpoint,
              fmt::format("'{}' differs from the embedding, though config.json says tie_word_embeddings = true", head),
              weights.place_of(head), "set tie_word_embeddings = false in config.json, or remove the tensor");
}

void refuse_left_over(const ModelWeights& weights, const std::set<std::string>& used) {
  std::vector<std::string> left;
  for (const std::string& name : weights.names())
    if (used.count(name) == 0 && !is_buffer(name)) left.push_back(name);
  if (left.empty()) return;
  throw Error(
      ErrorCode::checkpoint,
      fmt::format("the tensor '{}'{} has no place in the model that config.json describes", valid_utf8(left.front()),
                  left.size() == 1 ? "" : fmt::format(" and {} more", left.size() - 1)),
      weights.place_of(left.front()), "what it computes would be left out; check config.json");
}

}  // namespace

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

ParamTable from_hf(const ModelSpec& spec, const ModelWeights& weights) {
  const std::string layout = hf_layout(spec);
  // Before anything is made for layers that only a number in config.json knows of.
  if (spec.num_layers > static_cast<int64_t>(weights.size()))
    throw Error(
        ErrorCode::checkpoint,
        fmt::format("holds {} tensors, too few for the {} layers in config.json", weights.size(), spec.num_layers),
        weights.place_of(""));
  std::set<std::string> used;
  ParamTable params(spec, [&](const ParamInfo& info) {
    std::string name = hf_name(layout, info);
    // Some writers drop the base model's prefix.
    if (!weights.contains(name)) name = name.substr(name.find('.') + 1);
    if (!weights.contains(name))
      throw Error(ErrorCode::checkpoint, fmt::format("the tensor '{}' is missing", hf_name(layout, info)),
                  weights.place_of(""), "config.json describes a model that has it; copy or download the folder again");
    used.insert(name);
    Tensor value = weights.read(name);
    const std::vector<int64_t> found = value.sizes().vec();
    if (layout == "gpt2" && is_qkv(info) && value.dim() > 0 && value.size(-1) % 3 == 0) {
      const int64_t part = info.role == "attn.q" ? 0 : info.role == "attn.k" ? 1 : 2;
      value = value.chunk(3, -1)[static_cast<size_t>(part)];
    }
    if (transposed(layout, info) && value.dim() == 2) value = value.t();
    if (value.sizes().vec() != info.shape)
      throw Error(ErrorCode::checkpoint,
                  fmt::format("'{}' has the shape [{}]; as '{}' it would have to give [{}]", name,
                              fmt::join(found, ", "), info.name, fmt::join(info.shape, ", ")),
                  weights.place_of(name), "check the sizes in config.json");
    return value.clone(at::MemoryFormat::Contiguous);
  });
  if (spec.tie_embeddings && weights.contains("lm_head.weight")) {
    check_tied_head(weights, "lm_head.weight", params.at("embed.weight"));
    used.insert("lm_head.weight");
  }
  refuse_left_over(weights, used);
  return params;
}

}  // namespace espalier
