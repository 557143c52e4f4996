// Loss of a model on text: nats a token, bits a byte.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "core/model/forward.h"

namespace espalier {

struct Evaluation {
  int64_t tokens = 0;  // predicted tokens
  int64_t bytes = 0;   // of the text that they decode to
  double nll_sum = 0;  // nats

  // NaN where there is nothing to divide by: no tokens, or tokens that stand for no text.
  double nll() const;
  double bits_per_byte() const;
  void add(const Evaluation& other);
};

struct SourceEvaluation {
  std::string source;
  Evaluation result;
};
// Over all sources: each token counts once.
Evaluation total_of(const std::vector<SourceEvaluation>& evaluations);

// Loss over one micro-batch: tokens and targets int64 [batch, seq]; ignored targets are not counted. `bytes` is left 0.
// `shape`: how the model runs, see StepShape::evaluated(). Runs without gradients.
Evaluation evaluate_batch(const ModelSpec& spec, const ParamTable& params, const StepShape& shape,
                          const at::Tensor& tokens, const at::Tensor& targets, ComputeType compute,
                          const RowLayout& layout = {});

// Loss of a token stream cut into windows of spec.seq_len; the first token is predicted from `start_token`.
Evaluation evaluate_stream(const ModelSpec& spec, const ParamTable& params, const StepShape& shape,
                           std::span<const int32_t> tokens, int32_t start_token, int64_t micro_batch,
                           ComputeType compute);

}  // namespace espalier
