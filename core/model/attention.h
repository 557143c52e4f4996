// Causal self-attention and rotary positions.
#pragma once

#include <ATen/core/Tensor.h>

#include "core/model/spec.h"

namespace espalier {

// cos and sin of the rotary angles: [T, C / 2] in fp32. Su et al. 2021 (RoFormer); halves are rotated against each
// other, the layout that Llama checkpoints use.
struct Rope {
  at::Tensor cos, sin;
};
Rope make_rope(int64_t seq, int64_t head_dim, double theta, at::ScalarType dtype, at::Device device,
               const RopeScaling& scaling = {});

// x: [B, T, H, C] -> the same, rotated.
at::Tensor rotate(const at::Tensor& x, const Rope& rope);

// softmax(q k^T / sqrt(C) + mask) v. q: [B, T, H, C]; k, v: [B, T, K, C], H a multiple of K; returns [B, T, H, C].
// mask: bool [B, 1, T, T], true where a query (third dimension) sees a key, each at least itself; undefined: the causal
// mask.
at::Tensor causal_attention(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const at::Tensor& mask = {});

}  // namespace espalier
