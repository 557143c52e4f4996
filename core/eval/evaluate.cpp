#include "core/eval/evaluate.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <limits>
#include <numbers>
#include <vector>

namespace espalier {

double Evaluation::nll() const {
  return tokens == 0 ? std::numeric_limits<double>::quiet_NaN() : nll_sum / static_cast<double>(tokens);
}

double Evaluation::bits_per_byte() const {
  return bytes == 0 ? std::numeric_limits<double>::quiet_NaN()
                    : nll_sum / std::numbers::ln2 / static_cast<double>(bytes);
}

void Evaluation::add(const Evaluation& other) {
  tokens += other.tokens;
  bytes += other.bytes;
  nll_sum += other.nll_sum;
}

Evaluation evaluate_batch(const ModelSpec& spec, const ParamTable& params, const StepShape& shape,
                          const at::Tensor& tokens, const at::Tensor& targets, ComputeType compute,
                          const RowLayout& layout) {
  const c10::NoGradGuard no_grad;
  const at::Tensor loss = forward_loss(spec, params, tokens, targets, shape, compute, layout);
  const int64_t counted = layout.padded ? targets.ne(kIgnoredTarget).sum().item<int64_t>() : targets.numel();
  return {counted, 0, loss.item<double>() * static_cast<double>(counted)};
}

Evaluation evaluate_stream(const ModelSpec& spec, const ParamTable& params, const StepShape& shape,
                           std::span<const int32_t> tokens, int32_t start_token, int64_t micro_batch,
                           ComputeType compute) {
  std::vector<int64_t> stream{start_token};
  stream.insert(stream.end(), tokens.begin(), tokens.end());
  const auto predicted = static_cast<int64_t>(tokens.size());
  const at::Device device = params.begin()->value.device();
  const at::Tensor all = at::tensor(stream, at::kLong).to(device);
  const int64_t seq = spec.seq_len, windows = predicted / seq, rest = predicted % seq;
  // Long windows one after the other: what a layer keeps grows with the tokens of a batch.
  constexpr int64_t kMostTokens = 32768;
  micro_batch = std::clamp<int64_t>(kMostTokens / seq, 1, micro_batch);
  Evaluation total;
  for (int64_t first = 0; first < windows; first += micro_batch) {
    const int64_t count = std::min(micro_batch, windows - first);
    const auto part = [&](int64_t shift) { return all.narrow(0, first * seq + shift, count * seq).view({count, seq}); };
    total.add(evaluate_batch(spec, params, shape, part(0), part(1), compute));
  }
  if (rest > 0) {
    const auto part = [&](int64_t shift) { return all.narrow(0, windows * seq + shift, rest).unsqueeze(0); };
    total.add(evaluate_batch(spec, params, shape, part(0), part(1), compute));
  }
  return total;
}

Evaluation total_of(const std::vector<SourceEvaluation>& evaluations) {
  Evaluation total;
  for (const auto& item : evaluations) total.add(item.result);
  return total;
}

}  // namespace espalier
