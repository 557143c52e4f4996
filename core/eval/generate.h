// Text from a model, one token at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "core/model/forward.h"

namespace espalier {

struct SampleSettings {
  int64_t max_tokens = 100;
  double temperature = 0.8;  // 0 = the likeliest token
  int64_t top_k = 50;        // 0 = all
  uint64_t seed = 0;
  std::vector<int64_t> stop_tokens{};  // each ends the text
};

// Continues `prompt` (not empty) and returns the new tokens only. The context is the last seq_len tokens. The same
// settings and prompt give the same tokens. `shape`: how the model runs, see StepShape::evaluated(). Throws
// Error(checkpoint) when the model's logits are not finite.
std::vector<int32_t> generate(const ModelSpec& spec, const ParamTable& params, const StepShape& shape,
                              std::vector<int32_t> prompt, const SampleSettings& settings, ComputeType compute);

}  // namespace espalier
