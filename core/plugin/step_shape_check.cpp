#include "core/plugin/step_shape_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace espalier::plugin {
namespace {

bool has_size(size_t size, int64_t wanted) {
  return static_cast<int64_t>(size) == wanted;
}

bool fits(const StepShape& shape, const ModelSpec& spec) {
  const auto gate = [](const std::vector<float>& values, int64_t wanted) {
    return values.empty() || has_size(values.size(), wanted);
  };
  return has_size(shape.run.size(), spec.num_layers) && has_size(shape.scale.size(), spec.num_layers) &&
         has_size(shape.trainable.size(), spec.num_layers + 3) &&
         gate(shape.head_gate, spec.num_layers * spec.num_heads) &&
         gate(shape.unit_gate, spec.num_layers * spec.d_ff) && gate(shape.stream_gate, spec.d_model);
}

}  // namespace

std::string problem_of(const StepShape& shape, const ModelSpec& spec) {
  if (!fits(shape, spec)) return "an array has another size than the model";
  for (size_t layer = 0; layer < shape.scale.size(); ++layer)
    if (!std::isfinite(shape.scale[layer])) return fmt::format("the scale of layer {} is not finite", layer);
  for (const auto* gates : {&shape.head_gate, &shape.unit_gate, &shape.stream_gate})
    if (!std::all_of(gates->begin(), gates->end(), [](float gate) { return std::isfinite(gate); }))
      return "a gate is not finite";
  const auto& stream = shape.stream_gate;
  if (!stream.empty() && !(std::accumulate(stream.begin(), stream.end(), 0.0F) > 0))
    return "the gates leave nothing of the residual stream";
  if (std::find(shape.trainable.begin(), shape.trainable.end(), 1) == shape.trainable.end())
    return "it leaves nothing to train";
  return {};
}

}  // namespace espalier::plugin
