#include "core/eval/generate.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>

#include "core/base/error.h"
#include "core/base/rng.h"

namespace espalier {
namespace {

int64_t pick(const at::Tensor& logits, const SampleSettings& settings, uint64_t position) {
  constexpr double kColdest = 1e-6;  // below it logits divided by the temperature would overflow
  if (settings.temperature < kColdest) return logits.argmax().item<int64_t>();
  at::Tensor scaled = logits / settings.temperature, ids;
  if (settings.top_k > 0) {
    std::tie(scaled, ids) = scaled.topk(std::min(settings.top_k, scaled.size(0)));
  } else {
    std::tie(scaled, ids) = scaled.sort(-1, true);
  }
  const at::Tensor cumulative = at::softmax(scaled.to(at::kDouble), 0).cumsum(0);
  const double draw = Rng(settings.seed, "generate").uniform(position);
  const int64_t at = (cumulative < draw).sum().item<int64_t>();
  return ids[std::min(at, ids.size(0) - 1)].item<int64_t>();
}

}  // namespace

std::vector<int32_t> generate(const ModelSpec& spec, const ParamTable& params, const StepShape& shape,
                              std::vector<int32_t> prompt, const SampleSettings& settings, ComputeType compute) {
  const c10::NoGradGuard no_grad;
  const at::Device device = params.begin()->value.device();
  std::vector<int32_t> out;
  for (int64_t i = 0; i < settings.max_tokens; ++i) {
    const auto context = std::min<int64_t>(spec.seq_len, static_cast<int64_t>(prompt.size()));
    const at::Tensor tokens =
        at::tensor(std::vector<int64_t>(prompt.end() - context, prompt.end()), at::kLong).to(device);
    const at::Tensor logits = forward_logits(spec, params, tokens.unsqueeze(0), shape, compute)[0][context - 1];
    // What would be drawn from NaN is the same token over and over.
    if (!logits.isfinite().all().item<bool>())
      throw Error(ErrorCode::checkpoint, "the model's logits are not finite: there is nothing to draw from", {},
                  "its weights are damaged or too large; take an earlier checkpoint");
    const int64_t token = pick(logits, settings, static_cast<uint64_t>(i));
    if (std::find(settings.stop_tokens.begin(), settings.stop_tokens.end(), token) != settings.stop_tokens.end()) break;
    prompt.push_back(static_cast<int32_t>(token));
    out.push_back(static_cast<int32_t>(token));
  }
  return out;
}

}  // namespace espalier
