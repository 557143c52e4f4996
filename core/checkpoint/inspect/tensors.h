// Tensors by name, compared bit for bit and by size.
#pragma once

#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/model/optim_state.h"
#include "core/model/param_table.h"

namespace espalier {

using NamedTensors = std::map<std::string, at::Tensor>;

NamedTensors named_params(const ParamTable& params);
// "exp_avg/<name>", "exp_avg_sq/<name>" and "step/<name>".
NamedTensors named_moments(const OptimState& state);
// As checkpoint_difference() says.
nlohmann::json tensor_differences(const NamedTensors& a, const NamedTensors& b);
// Same type, shape and bits; NaN equals itself.
bool same_bits(const at::Tensor& a, const at::Tensor& b);

}  // namespace espalier
