// Shapes: B batch, T positions, D d_model, H query heads, K key/value heads, C head size, F d_ff, V vocabulary.
#include "core/model/forward.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>

#include "core/model/attention.h"
#include "core/model/layer_width.h"
#include "core/model/pointwise.h"

namespace espalier {
namespace {

using at::Tensor;

at::ScalarType scalar_type(ComputeType compute) {
  return compute == ComputeType::bf16 ? at::kBFloat16 : compute == ComputeType::fp64 ? at::kDouble : at::kFloat;
}

// The parameters one forward sees: cast to the compute type, detached where frozen; and the gates as tensors.
class View {
 public:
  View(const ModelSpec& model_spec, const ParamTable& params, const StepShape& step_shape, ComputeType compute)
      : spec(model_spec), shape(step_shape), dtype_(scalar_type(compute)), params_(params) {
    if (!shape.stream_gate.empty()) stream_gate_ = factors(shape.stream_gate);
  }

  Tensor weight(const std::string& name, bool trainable) const {
    const Tensor& value = params_.at(name);
    return (trainable ? value : value.detach()).to(dtype_);
  }
  Tensor bias(const std::string& name, bool trainable) const {
    return params_.find(name) == nullptr ? Tensor() : weight(name, trainable);
  }
  // `rows` and `columns`: the parts of the output and input that take part; undefined for all.
  Tensor linear(const Tensor& x, const std::string& name, bool trainable, const Tensor& rows = {},
                const Tensor& columns = {}) const {
    Tensor w = weight(name + ".weight", trainable), b = bias(name + ".bias", trainable);
    if (rows.defined()) w = w.index_select(0, rows);
    if (rows.defined() && b.defined()) b = b.index_select(0, rows);
    if (columns.defined()) w = w.index_select(1, columns);
    return at::linear(x, w, b);
  }
  // Norm weights stay in fp32: the statistics are computed there anyway.
  Tensor normed(const Tensor& x, const std::string& name, bool trainable) const {
    const auto get = [&](const std::string& full) {
      const Tensor* value = params_.find(full);
      return value == nullptr ? Tensor() : trainable ? *value : value->detach();
    };
    const Tensor gain = get(name + ".weight"), shift = get(name + ".bias");
    if (stream_gate_.defined()) return gated_norm(x, stream_gate_, gain, shift, spec.norm_eps);
    if (spec.norm == Norm::rmsnorm) return rms_norm(x, gain, spec.norm_eps);
    return at::layer_norm(x, {spec.d_model}, gain.to(dtype_), shift.to(dtype_), spec.norm_eps);
  }
  // Gates in the compute type.
  Tensor factors(const std::vector<float>& values) const { return at::tensor(values, at::kFloat).to(device(), dtype_); }
  // Rows of a weight that belong to the kept parts of an axis, each part `size` rows; undefined for all.
  Tensor rows_of(const std::vector<int64_t>& kept, int64_t size) const {
    if (kept.empty()) return {};
    const Tensor first = at::tensor(kept, at::kLong) * size;
    return (first.unsqueeze(1) + at::arange(size)).flatten().to(device());
  }

  const ModelSpec& spec;
  const StepShape& shape;

 private:
  at::Device device() const { return params_.begin()->value.device(); }

  at::ScalarType dtype_;
  const ParamTable& params_;
  Tensor stream_gate_;
};

// The place of each token in its segment. segments: [B, T].
Tensor places_in(const Tensor& segments) {
  const int64_t T = segments.size(1);
  const Tensor place = at::arange(T, segments.options());
  Tensor starts = at::zeros_like(segments);  // where a segment starts its place, elsewhere 0
  starts.narrow(1, 1, T - 1) =
      segments.narrow(1, 1, T - 1).ne(segments.narrow(1, 0, T - 1)) * place.narrow(0, 1, T - 1);
  return place - std::get<0>(starts.cummax(1));
}

// What each token may look at: itself and what stands before it in its segment. [B, 1, T, T], true = may.
Tensor document_mask(const Tensor& segments) {
  return segments.unsqueeze(2).eq(segments.unsqueeze(1)).tril_().unsqueeze(1);
}

Tensor embed(const View& view, const Tensor& tokens, const RowLayout& layout) {
  const bool trainable = view.shape.embed_trainable();
  Tensor h = at::embedding(view.weight("embed.weight", trainable), tokens);
  if (view.spec.position != Position::learned) return h;
  const Tensor table = view.weight("pos_embed.weight", trainable);
  if (layout.segments.defined() && layout.restart_positions)
    return h + at::embedding(table, places_in(layout.segments));
  return h + table.narrow(0, 0, tokens.size(1));
}

// What is left of a branch whose inner width is gated away.
Tensor only_bias(const View& view, const Tensor& x, const std::string& name, bool trainable) {
  const Tensor bias = view.bias(name + ".bias", trainable);
  return bias.defined() ? bias.expand_as(x) : at::zeros_like(x);
}

Tensor attention_branch(const View& view, const Tensor& x, const Rope& rope, const Tensor& mask,
                        const GatedAxis& groups, const std::string& prefix, bool trainable) {
  const auto& spec = view.spec;
  if (groups.none()) return only_bias(view, x, prefix + "attn.o", trainable);
  const int64_t B = x.size(0), T = x.size(1), C = spec.head_dim, per_group = spec.num_heads / spec.num_kv_heads;
  const int64_t K = groups.count, H = K * per_group;
  const Tensor q_rows = view.rows_of(groups.kept, per_group * C), kv_rows = view.rows_of(groups.kept, C);
  const auto heads = [&](const char* which, int64_t count, const Tensor& rows) {
    return view.linear(x, prefix + which, trainable, rows).view({B, T, count, C});
  };
  Tensor q = heads("attn.q", H, q_rows), k = heads("attn.k", K, kv_rows);  // [B, T, H | K, C]
  const Tensor v = heads("attn.v", K, kv_rows);
  if (spec.position == Position::rope) {
    q = rotate(q, rope);
    k = rotate(k, rope);
  }
  Tensor mixed = causal_attention(q, k, v, mask);
  if (!groups.factors.empty()) mixed = mixed * view.factors(groups.factors).unsqueeze(1);
  return view.linear(mixed.reshape({B, T, H * C}), prefix + "attn.o", trainable, {}, q_rows);
}

Tensor mlp_branch(const View& view, const Tensor& x, const GatedAxis& units, const std::string& prefix,
                  bool trainable) {
  if (units.none()) return only_bias(view, x, prefix + "mlp.down", trainable);
  const Tensor rows = view.rows_of(units.kept, 1);
  const Tensor up = view.linear(x, prefix + "mlp.up", trainable, rows);  // [B, T, F]
  const Activation activation = view.spec.activation;
  Tensor hidden = view.spec.gated() ? activate(activation, view.linear(x, prefix + "mlp.gate", trainable, rows)) * up
                                    : activate(activation, up);
  if (!units.factors.empty()) hidden = hidden * view.factors(units.factors);
  return view.linear(hidden, prefix + "mlp.down", trainable, {}, rows);
}

Tensor add_branch(const Tensor& h, const Tensor& branch, float scale) {
  return scale == 1.0F ? h + branch : at::add(h, branch, scale);
}

Tensor head(const View& view, const Tensor& h) {
  const bool tied = view.spec.tie_embeddings;
  const Tensor weight = view.weight(tied ? "embed.weight" : "lm_head.weight", view.shape.head_trainable());
  return at::linear(view.normed(h, "final_norm", view.shape.final_norm_trainable()), weight);
}

Tensor hidden(const View& view, const Tensor& tokens, const RowLayout& layout) {
  const auto& spec = view.spec;
  Tensor h = embed(view, tokens, layout);  // [B, T, D]
  const Tensor mask = layout.segments.defined() ? document_mask(layout.segments) : Tensor();
  const Rope rope = spec.position == Position::rope ? make_rope(tokens.size(1), spec.head_dim, spec.rope_theta,
                                                                h.scalar_type(), tokens.device(), spec.rope_scaling)
                                                    : Rope{};
  for (size_t i = 0; i < view.shape.num_layers(); ++i) {
    if (view.shape.run[i] == 0) continue;
    const std::string prefix = fmt::format("layers.{}.", i);
    const bool trainable = view.shape.trainable[i] != 0;
    const float scale = view.shape.scale[i];
    const LayerWidth width = layer_width(spec, view.shape, i);
    const Tensor x = view.normed(h, prefix + "norm1", trainable);
    h = add_branch(h, attention_branch(view, x, rope, mask, width.groups, prefix, trainable), scale);
    const Tensor y = view.normed(h, prefix + "norm2", trainable);
    h = add_branch(h, mlp_branch(view, y, width.units, prefix, trainable), scale);
  }
  return h;
}

}  // namespace

Tensor forward_hidden(const ModelSpec& spec, const ParamTable& params, const Tensor& tokens, const StepShape& shape,
                      ComputeType compute, const RowLayout& layout) {
  return hidden(View(spec, params, shape, compute), tokens, layout);
}

Tensor forward_logits(const ModelSpec& spec, const ParamTable& params, const Tensor& tokens, const StepShape& shape,
                      ComputeType compute, const RowLayout& layout) {
  const View view(spec, params, shape, compute);
  const Tensor logits = head(view, hidden(view, tokens, layout));
  return logits.to(wide_type(logits));
}

namespace {

// The loss by slices of at most `rows` rows, for what has no graph: the logits of a long context would not fit at once.
// h: [N, D], targets: [N].
Tensor loss_in_slices(const View& view, const Tensor& h, const Tensor& targets, int64_t rows, bool padded) {
  double sum = 0;
  int64_t counted = 0;
  for (int64_t first = 0; first < h.size(0); first += rows) {
    const int64_t count = std::min(rows, h.size(0) - first);
    const Tensor logits = head(view, h.narrow(0, first, count)), wanted = targets.narrow(0, first, count);
    const int64_t here = padded ? wanted.ne(kIgnoredTarget).sum().item<int64_t>() : count;
    const Tensor mean = padded ? cross_entropy_of_some(logits, wanted, kIgnoredTarget) : cross_entropy(logits, wanted);
    sum += mean.item<double>() * static_cast<double>(here);
    counted += here;
  }
  return at::scalar_tensor(sum / static_cast<double>(std::max<int64_t>(counted, 1)), h.options().dtype(wide_type(h)));
}

}  // namespace

Tensor forward_loss(const ModelSpec& spec, const ParamTable& params, const Tensor& tokens, const Tensor& targets,
                    const StepShape& shape, ComputeType compute, const RowLayout& layout) {
  const View view(spec, params, shape, compute);
  constexpr int64_t kMostLogits = int64_t{1} << 28;
  const Tensor h = hidden(view, tokens, layout), flat = targets.reshape({-1});
  if (!c10::GradMode::is_enabled() && flat.size(0) > kMostLogits / spec.vocab_size)
    return loss_in_slices(view, h.reshape({-1, spec.d_model}), flat,
                          std::max<int64_t>(1, kMostLogits / spec.vocab_size), layout.padded);
  const Tensor logits = head(view, h).view({-1, spec.vocab_size});
  return layout.padded ? cross_entropy_of_some(logits, flat, kIgnoredTarget) : cross_entropy(logits, flat);
}

}  // namespace espalier
