// The model: a decoder-only transformer as a pure function of a parameter table.
#pragma once

#include <ATen/core/Tensor.h>

#include "core/model/param_table.h"
#include "core/model/step_shape.h"

namespace espalier {

enum class ComputeType { fp32, bf16, fp64 };  // fp64: for tests of exact identities

// h before the head: [batch, seq, d_model] in the compute type. tokens: int64 [batch, seq], seq <= spec.seq_len.
// Layers with run = 0 are skipped. Parameters of groups that are not trainable are used detached, so that a frozen
// prefix runs without recording a graph and a frozen layer above a trainable one only passes gradients through.
at::Tensor forward_hidden(const ModelSpec& spec, const ParamTable& params, const at::Tensor& tokens,
                          const StepShape& shape, ComputeType compute);

// Logits in fp32 (fp64 for fp64): [batch, seq, vocab].
at::Tensor forward_logits(const ModelSpec& spec, const ParamTable& params, const at::Tensor& tokens,
                          const StepShape& shape, ComputeType compute);

// Mean cross-entropy over all positions in nats, an fp32 scalar with a graph. targets: int64 [batch, seq].
at::Tensor forward_loss(const ModelSpec& spec, const ParamTable& params, const at::Tensor& tokens,
                        const at::Tensor& targets, const StepShape& shape, ComputeType compute);

}  // namespace espalier
