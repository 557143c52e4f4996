// The model: a decoder-only transformer as a pure function of a parameter table.
#pragma once

#include <ATen/core/Tensor.h>

#include "core/model/param_table.h"
#include "core/model/step_shape.h"

namespace espalier {

// A target that counts for nothing: padding.
constexpr int64_t kIgnoredTarget = -1;

// How documents lie in the rows of a batch. Empty: each row is one text, and every target counts.
struct RowLayout {
  // int64 [batch, seq]: equal for the tokens of a document, which stand together. Attention stays among them.
  // Undefined: the whole row attends to itself.
  at::Tensor segments{};
  // Learned positions count from the start of each segment. Rotary positions see distances only, so nothing changes.
  bool restart_positions = false;
  bool padded = false;  // some targets are kIgnoredTarget
};

enum class ComputeType { fp32, bf16, fp64 };  // fp64: for tests of exact identities

// h before the head: [batch, seq, d_model] in the compute type. tokens: int64 [batch, seq], seq <= spec.seq_len.
// Layers with run = 0 are skipped. Parameters of groups that are not trainable are used detached, so that a frozen
// prefix runs without recording a graph and a frozen layer above a trainable one only passes gradients through.
at::Tensor forward_hidden(const ModelSpec& spec, const ParamTable& params, const at::Tensor& tokens,
                          const StepShape& shape, ComputeType compute, const RowLayout& layout = {});

// Logits in fp32 (fp64 for fp64): [batch, seq, vocab].
at::Tensor forward_logits(const ModelSpec& spec, const ParamTable& params, const at::Tensor& tokens,
                          const StepShape& shape, ComputeType compute, const RowLayout& layout = {});

// Mean cross-entropy over the targets that are not ignored in nats, an fp32 scalar with a graph; 0 without any.
// targets: int64 [batch, seq].
at::Tensor forward_loss(const ModelSpec& spec, const ParamTable& params, const at::Tensor& tokens,
                        const at::Tensor& targets, const StepShape& shape, ComputeType compute,
                        const RowLayout& layout = {});

}  // namespace espalier
