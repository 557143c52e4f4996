// Closed-form cost of a step (methods.md section 0): FLOPs are multiply-adds times two, over matrices and attention.
#pragma once

#include "core/model/spec.h"
#include "core/model/step_shape.h"

namespace espalier {

struct FlopCount {
  double forward = 0, activation_grad = 0, weight_grad = 0;  // a token
  double total() const { return forward + activation_grad + weight_grad; }
};

// FLOPs a token at full context: every token counts as if it saw all seq_len positions, whatever causal or document
// masks leave out, and padding counts as tokens; so the figure follows from the shapes alone. A bypassed layer costs
// nothing; a frozen prefix costs its forward only; a frozen layer above a trainable one costs forward and activation
// gradients.
FlopCount flops_per_token(const ModelSpec& spec, const StepShape& shape);
// The same for one whole training step of `tokens` tokens.
double step_flops(const ModelSpec& spec, const StepShape& shape, int64_t tokens);
// Weights + gradients + both Adam moments in fp32, and the activations kept for the backward pass, in bytes (estimate).
double train_memory_bytes(const ModelSpec& spec, const StepShape& shape, int64_t micro_batch, int64_t bytes_per_value);

}  // namespace espalier
