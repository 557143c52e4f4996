#include "core/model/pointwise.h"

#include <ATen/ATen.h>

namespace espalier {

using at::Tensor;

at::ScalarType wide_type(const Tensor& x) {
  return x.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
}

Tensor rms_norm(const Tensor& x, const Tensor& gain, double eps) {
  const Tensor wide = x.to(wide_type(x));
  return (wide * at::rsqrt(wide.square().mean(-1, true) + eps) * gain).to(x.scalar_type());
}

Tensor gated_norm(const Tensor& x, const Tensor& gate, const Tensor& gain, const Tensor& shift, double eps) {
  const at::ScalarType type = wide_type(x);
  const Tensor part = gate.to(type) / gate.to(type).sum();
  Tensor wide = x.to(type);
  if (shift.defined()) wide = wide - (wide * part).sum(-1, true);
  Tensor out = wide * at::rsqrt((wide.square() * part).sum(-1, true) + eps) * gain;
  if (shift.defined()) out = out + shift;
  return (out * gate.to(type)).to(x.scalar_type());
}

Tensor activate(Activation activation, const Tensor& x) {
  switch (activation) {
    case Activation::swiglu:
    case Activation::silu:
      return at::silu(x);
    case Activation::gelu:
    case Activation::geglu:
      return at::gelu(x, "tanh");
    case Activation::gelu_erf:
    case Activation::geglu_erf:
      return at::gelu(x);
    case Activation::relu:
    case Activation::reglu:
      return at::relu(x);
    case Activation::relu2:
      return at::relu(x).square();
  }
  return {};
}

Tensor cross_entropy(const Tensor& logits, const Tensor& targets) {
  return at::nll_loss(at::log_softmax(logits, -1, wide_type(logits)), targets);
}

Tensor cross_entropy_of_some(const Tensor& logits, const Tensor& targets, int64_t ignored) {
  const Tensor sum =
      at::nll_loss(at::log_softmax(logits, -1, wide_type(logits)), targets, {}, at::Reduction::Sum, ignored);
  return sum / targets.ne(ignored).sum().clamp_min(1);
}

}  // namespace espalier
