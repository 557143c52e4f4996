// Loss of a model on text: nats a token, bits a byte.
#pragma once

#include <cstdint>
#include <span>

#include "core/model/forward.h"

namespace espalier {

struct Evaluation {
  int64_t tokens = 0;  // predicted tokens
  int64_t bytes = 0;   // of the text that they decode to
  double nll_sum = 0;  // nats

  double nll() const { return tokens == 0 ? 0 : nll_sum / static_cast<double>(tokens); }
  double bits_per_byte() const;
  void add(const Evaluation& other);
};

// Loss over one micro-batch: tokens and targets int64 [batch, seq]; ignored targets are not counted. `bytes` is left 0.
// Runs without gradients.
Evaluation evaluate_batch(const ModelSpec& spec, const ParamTable& params, const at::Tensor& tokens,
                          const at::Tensor& targets, ComputeType compute, const RowLayout& layout = {});

// Loss of a token stream cut into windows of spec.seq_len; the first token is predicted from `start_token`.
Evaluation evaluate_stream(const ModelSpec& spec, const ParamTable& params, std::span<const int32_t> tokens,
                           int32_t start_token, int64_t micro_batch, ComputeType compute);

}  // namespace espalier
