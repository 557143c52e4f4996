// The loss of a model from its logits, token by token, in plain loops.
#pragma once

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/model/forward.h"

namespace espalier {

// What the model gives for the last of `context`: one logit a token of the vocabulary.
inline std::vector<double> plain_logits(const ModelSpec& spec, const ParamTable& params, const StepShape& shape,
                                        const std::vector<int64_t>& context) {
  const c10::NoGradGuard no_grad;
  const at::Tensor row = at::tensor(context, at::kLong).unsqueeze(0);
  const at::Tensor logits = forward_logits(spec, params, row, shape, ComputeType::fp32)[0][-1].to(at::kDouble);
  return {logits.const_data_ptr<double>(), logits.const_data_ptr<double>() + logits.numel()};
}

// -log softmax(logits)[target], in nats.
inline double plain_nll(const std::vector<double>& logits, int64_t target) {
  double largest = logits[0], sum = 0;
  for (const double logit : logits) largest = std::max(largest, logit);
  for (const double logit : logits) sum += std::exp(logit - largest);
  return largest + std::log(sum) - logits[static_cast<size_t>(target)];
}

// Of a text: each token is predicted from those before it in its window of seq_len, the first of all from `start`.
inline double plain_text_nll(const ModelSpec& spec, const ParamTable& params, const StepShape& shape,
                             const std::vector<int32_t>& tokens, int32_t start) {
  double sum = 0;
  std::vector<int64_t> context;
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (static_cast<int64_t>(context.size()) == spec.seq_len) context.clear();
    context.push_back(i == 0 ? start : tokens[i - 1]);
    sum += plain_nll(plain_logits(spec, params, shape, context), tokens[i]);
  }
  return sum;
}

}  // namespace espalier
