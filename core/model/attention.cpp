#include "core/model/attention.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "core/model/pointwise.h"

namespace espalier {
namespace {

using at::Tensor;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Up to this length the T x T probabilities are kept and both passes are plain batched GEMMs: on a CPU that beats
// ATen's flash backward several times over (docs/benchmarks.md); above it their memory would dominate.
constexpr int64_t kMaxExplicitLength = 1024;

// [B, T, H, C] -> [B * K, G * T, C] for G = H / K query heads a key/value head: one GEMM serves a whole group.
Tensor fold_heads(const Tensor& x, int64_t kv_heads) {
  const int64_t B = x.size(0), T = x.size(1), H = x.size(2), C = x.size(3);
  return x.permute({0, 2, 1, 3}).reshape({B * kv_heads, H / kv_heads * T, C});
}
Tensor unfold_heads(const Tensor& x, int64_t B, int64_t T, int64_t H) {
  return x.view({B, H, T, x.size(2)}).permute({0, 2, 1, 3});
}

class ExplicitAttention : public torch::autograd::Function<ExplicitAttention> {
 public:
  static Tensor forward(AutogradContext* context, const Tensor& q, const Tensor& k, const Tensor& v,
                        const std::optional<Tensor>& mask) {
    const int64_t B = q.size(0), T = q.size(1), H = q.size(2), K = k.size(2);
    const double scale = 1.0 / std::sqrt(static_cast<double>(q.size(3)));
    const Tensor qf = fold_heads(q, K), kf = fold_heads(k, K), vf = fold_heads(v, K);
    constexpr float kNever = -std::numeric_limits<float>::infinity();
    Tensor scores;  // [B * K, H / K * T, T]
    if (mask) {
      const Tensor unused = at::zeros({1}, q.options()).expand({B * K, H / K * T, T});
      scores = at::baddbmm(unused, qf, kf.transpose(1, 2), 0, scale);
      scores.view({B, H, T, T}).masked_fill_(mask->logical_not(), kNever);
    } else {
      const Tensor causal = at::full({T, T}, kNever, q.options()).triu_(1);
      scores = at::baddbmm(causal.repeat({H / K, 1}).expand({B * K, H / K * T, T}), qf, kf.transpose(1, 2), 1, scale);
    }
    const Tensor probs = at::softmax(scores, -1);
    context->save_for_backward({qf, kf, vf, probs});
    context->saved_data["heads"] = H;
    return unfold_heads(at::bmm(probs, vf), B, T, H);
  }

  static variable_list backward(AutogradContext* context, const variable_list& grads) {
    const auto saved = context->get_saved_variables();
    const Tensor &qf = saved[0], &kf = saved[1], &vf = saved[2], &probs = saved[3];
    const Tensor& grad = grads[0];  // [B, T, H, C]
    const int64_t B = grad.size(0), T = grad.size(1), H = context->saved_data["heads"].toInt(), K = kf.size(0) / B;
    const double scale = 1.0 / std::sqrt(static_cast<double>(qf.size(2)));
    const Tensor gf = fold_heads(grad, K);
    const Tensor grad_v = at::bmm(probs.transpose(1, 2), gf);
    const Tensor grad_scores =
        at::_softmax_backward_data(at::bmm(gf, vf.transpose(1, 2)), probs, -1, probs.scalar_type()).mul_(scale);
    const Tensor grad_q = at::bmm(grad_scores, kf), grad_k = at::bmm(grad_scores.transpose(1, 2), qf);
    return {unfold_heads(grad_q, B, T, H), unfold_heads(grad_k, B, T, K), unfold_heads(grad_v, B, T, K), Tensor()};
  }
};

// Frequencies [C / 2] after scaling.
Tensor scaled(const Tensor& frequency, const RopeScaling& scaling) {
  if (scaling.type == RopeScaling::Type::none) return frequency;
  const Tensor stretched = frequency / scaling.factor;
  if (scaling.type == RopeScaling::Type::linear) return stretched;
  // Periods within the original context: below low_freq_factor of them all of the factor, above high_freq_factor none.
  const double original = static_cast<double>(scaling.original_max_position_embeddings);
  const Tensor periods = frequency * (original / (2 * std::numbers::pi));
  const double low = scaling.low_freq_factor, high = scaling.high_freq_factor;
  return at::lerp(stretched, frequency, ((periods - low) / (high - low)).clamp(0, 1));
}

}  // namespace

Rope make_rope(int64_t seq, int64_t head_dim, double theta, at::ScalarType dtype, at::Device device,
               const RopeScaling& scaling) {
  const auto options = at::TensorOptions().dtype(at::kDouble);
  const Tensor frequency =
      scaled(at::pow(theta, at::arange(0, head_dim, 2, options).div(static_cast<double>(head_dim)).neg()), scaling);
  const Tensor angle = at::outer(at::arange(seq, options), frequency);  // [T, C / 2]
  // fp32 tables even for bf16 activations: positions beyond 256 are not representable in bf16.
  const at::ScalarType table = dtype == at::kDouble ? at::kDouble : at::kFloat;
  return {angle.cos().to(device, table), angle.sin().to(device, table)};
}

Tensor rotate(const Tensor& x, const Rope& rope) {
  const int64_t half = x.size(3) / 2;
  const Tensor cos = rope.cos.unsqueeze(1), sin = rope.sin.unsqueeze(1);  // [T, 1, C / 2]
  const Tensor wide = x.to(wide_type(x)), a = wide.narrow(3, 0, half), b = wide.narrow(3, half, half);
  return at::cat({a * cos - b * sin, b * cos + a * sin}, 3).to(x.scalar_type());
}

Tensor causal_attention(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask) {
  const std::optional<Tensor> given = mask.defined() ? std::optional(mask) : std::nullopt;
  if (q.is_cpu() && q.size(1) <= kMaxExplicitLength) return ExplicitAttention::apply(q, k, v, given);
  const bool grouped = q.size(2) != k.size(2), causal = !given;
  return at::scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), given, 0.0, causal,
                                          std::nullopt, grouped)
      .transpose(1, 2);
}

}  // namespace espalier
