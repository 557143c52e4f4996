// The element-wise parts of the model whose ATen form spends most of its time in memory traffic.
#pragma once

#include <ATen/core/Tensor.h>

#include "core/model/spec.h"

namespace espalier {

// Where sums over many values are taken: fp32, or fp64 for fp64.
at::ScalarType wide_type(const at::Tensor& x);
// x / sqrt(mean(x^2) + eps) * gain over the last dimension; statistics in fp32 (fp64 for fp64 input). x: [.., D],
// gain: fp32 [D].
at::Tensor rms_norm(const at::Tensor& x, const at::Tensor& gain, double eps);
// A norm over a residual stream of which `gate` [D] is the part that exists: means are sums weighted by the gate over
// its sum, and the output is multiplied by it (Yao et al. 2023, MSG, masked layer norm). With all ones it is the plain
// norm. shift undefined: RMSNorm; else LayerNorm.
at::Tensor gated_norm(const at::Tensor& x, const at::Tensor& gate, const at::Tensor& gain, const at::Tensor& shift,
                      double eps);
// The function of an activation, element by element; of a gated one, that of its gate.
at::Tensor activate(Activation activation, const at::Tensor& x);
// Mean over rows of -log softmax(logits)[target], in fp32 (fp64 for fp64 logits). logits: [N, V], targets: int64 [N].
at::Tensor cross_entropy(const at::Tensor& logits, const at::Tensor& targets);
// The same over the rows whose target is not `ignored`; 0 when none is left.
at::Tensor cross_entropy_of_some(const at::Tensor& logits, const at::Tensor& targets, int64_t ignored);

}  // namespace espalier
