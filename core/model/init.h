// Initial weights, a pure function of (seed, parameter name, shape): adding a parameter changes no other.
#pragma once

#include <cstdint>

#include "core/model/param_table.h"

namespace espalier {

// fp32 on the CPU. Matrices ~ N(0, init_std); attn.o and mlp.down are divided by sqrt(2 depth) (Radford et al. 2019,
// GPT-2, section 2.3), where depth is the final model's num_layers; norms 1, biases 0.
ParamTable init_params(const ModelSpec& spec, uint64_t seed, double init_std, int64_t depth);
at::Tensor init_param(const ParamInfo& info, uint64_t seed, double init_std, int64_t depth);

}  // namespace espalier
