#include "core/model/pointwise.h"

#include <ATen/ATen.h>

namespace espalier {

using at::Tensor;

Tensor rms_norm(const Tensor& x, const Tensor& gain, double eps) {
  const Tensor wide = x.to(at::kFloat);
  return (wide * at::rsqrt(wide.square().mean(-1, true) + eps) * gain).to(x.scalar_type());
}

Tensor swiglu(const Tensor& gate, const Tensor& up) {
  return at::silu(gate) * up;
}

Tensor cross_entropy(const Tensor& logits, const Tensor& targets) {
  return at::nll_loss(at::log_softmax(logits, -1, at::kFloat), targets);
}

}  // namespace espalier
