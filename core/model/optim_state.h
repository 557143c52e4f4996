// Adam's state of each parameter, keyed by name. It lives beside the parameter table since growth maps both together.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>

namespace espalier {

struct AdamMoments {
  at::Tensor exp_avg, exp_avg_sq;  // fp32, shaped as the parameter
  int64_t step = 0;                // updates of this parameter; bias correction counts from its own first one
};

// A parameter without an entry has not been updated yet: moments zero, step 0.
using OptimState = std::map<std::string, AdamMoments>;

}  // namespace espalier
