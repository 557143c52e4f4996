// Shapes: B batch, T positions, D d_model, H query heads, K key/value heads, C head size, F d_ff, V vocabulary.
#include "core/model/forward.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include "core/model/attention.h"
#include "core/model/pointwise.h"

namespace espalier {
namespace {

using at::Tensor;

at::ScalarType scalar_type(ComputeType compute) {
  return compute == ComputeType::bf16 ? at::kBFloat16 : compute == ComputeType::fp64 ? at::kDouble : at::kFloat;
}

// The parameters one forward sees: cast to the compute type, detached where frozen.
class View {
 public:
  View(const ModelSpec& model_spec, const ParamTable& params, const StepShape& step_shape, ComputeType compute)
      : spec(model_spec),
        shape(step_shape),
        dtype_(scalar_type(compute)),
        params_(params) {}

  Tensor weight(const std::string& name, bool trainable) const {
    const Tensor& value = params_.at(name);
    return (trainable ? value : value.detach()).to(dtype_);
  }
  Tensor bias(const std::string& name, bool trainable) const {
    return params_.find(name) == nullptr ? Tensor() : weight(name, trainable);
  }
  Tensor linear(const Tensor& x, const std::string& name, bool trainable) const {
    return at::linear(x, weight(name + ".weight", trainable), bias(name + ".bias", trainable));
  }
  // Norm weights stay in fp32: the statistics are computed there anyway.
  Tensor normed(const Tensor& x, const std::string& name, bool trainable) const {
    const auto get = [&](const std::string& full) {
      const Tensor* value = params_.find(full);
      return value == nullptr ? Tensor() : trainable ? *value : value->detach();
    };
    const Tensor gain = get(name + ".weight");
    if (spec.norm == Norm::rmsnorm) return rms_norm(x, gain, spec.norm_eps);
    return at::layer_norm(x, {spec.d_model}, gain.to(dtype_), get(name + ".bias").to(dtype_), spec.norm_eps);
  }

  const ModelSpec& spec;
  const StepShape& shape;

 private:
  at::ScalarType dtype_;
  const ParamTable& params_;
};

Tensor embed(const View& view, const Tensor& tokens) {
  const bool trainable = view.shape.embed_trainable();
  Tensor h = at::embedding(view.weight("embed.weight", trainable), tokens);
  if (view.spec.position == Position::learned)
    h = h + view.weight("pos_embed.weight", trainable).narrow(0, 0, tokens.size(1));
  return h;
}

Tensor attention_branch(const View& view, const Tensor& x, const Rope& rope, const std::string& prefix,
                        bool trainable) {
  const auto& spec = view.spec;
  const int64_t B = x.size(0), T = x.size(1);
  const auto heads = [&](const char* which, int64_t count) {
    return view.linear(x, prefix + which, trainable).view({B, T, count, spec.head_dim});
  };
  Tensor q = heads("attn.q", spec.num_heads), k = heads("attn.k", spec.num_kv_heads);  // [B, T, H | K, C]
  const Tensor v = heads("attn.v", spec.num_kv_heads);
  if (spec.position == Position::rope) {
    q = rotate(q, rope);
    k = rotate(k, rope);
  }
  const Tensor mixed = causal_attention(q, k, v).reshape({B, T, spec.num_heads * spec.head_dim});
  return view.linear(mixed, prefix + "attn.o", trainable);
}

Tensor mlp_branch(const View& view, const Tensor& x, const std::string& prefix, bool trainable) {
  const Tensor up = view.linear(x, prefix + "mlp.up", trainable);  // [B, T, F]
  Tensor hidden;
  switch (view.spec.activation) {
    case Activation::swiglu:
      hidden = swiglu(view.linear(x, prefix + "mlp.gate", trainable), up);
      break;
    case Activation::gelu:
      hidden = at::gelu(up, "tanh");
      break;
    case Activation::relu2:
      hidden = at::relu(up).square();
      break;
  }
  return view.linear(hidden, prefix + "mlp.down", trainable);
}

Tensor add_branch(const Tensor& h, const Tensor& branch, float scale) {
  return scale == 1.0F ? h + branch : at::add(h, branch, scale);
}

Tensor head(const View& view, const Tensor& h) {
  const bool tied = view.spec.tie_embeddings;
  const Tensor weight = view.weight(tied ? "embed.weight" : "lm_head.weight", view.shape.head_trainable());
  return at::linear(view.normed(h, "final_norm", view.shape.final_norm_trainable()), weight);
}

Tensor hidden(const View& view, const Tensor& tokens) {
  const auto& spec = view.spec;
  Tensor h = embed(view, tokens);  // [B, T, D]
  const Rope rope = spec.position == Position::rope
                        ? make_rope(tokens.size(1), spec.head_dim, spec.rope_theta, h.scalar_type(), tokens.device())
                        : Rope{};
  for (size_t i = 0; i < view.shape.num_layers(); ++i) {
    if (view.shape.run[i] == 0) continue;
    const std::string prefix = fmt::format("layers.{}.", i);
    const bool trainable = view.shape.trainable[i] != 0;
    const float scale = view.shape.scale[i];
    h = add_branch(h, attention_branch(view, view.normed(h, prefix + "norm1", trainable), rope, prefix, trainable),
                   scale);
    h = add_branch(h, mlp_branch(view, view.normed(h, prefix + "norm2", trainable), prefix, trainable), scale);
  }
  return h;
}

}  // namespace

Tensor forward_hidden(const ModelSpec& spec, const ParamTable& params, const Tensor& tokens, const StepShape& shape,
                      ComputeType compute) {
  return hidden(View(spec, params, shape, compute), tokens);
}

Tensor forward_logits(const ModelSpec& spec, const ParamTable& params, const Tensor& tokens, const StepShape& shape,
                      ComputeType compute) {
  const View view(spec, params, shape, compute);
  const Tensor logits = head(view, hidden(view, tokens));
  return logits.to(wide_type(logits));
}

Tensor forward_loss(const ModelSpec& spec, const ParamTable& params, const Tensor& tokens, const Tensor& targets,
                    const StepShape& shape, ComputeType compute) {
  const View view(spec, params, shape, compute);
  const Tensor logits = head(view, hidden(view, tokens));
  return cross_entropy(logits.view({-1, spec.vocab_size}), targets.reshape({-1}));
}

}  // namespace espalier
