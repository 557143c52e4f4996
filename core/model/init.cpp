#include "core/model/init.h"

#include <ATen/ATen.h>

#include <cmath>
#include <span>

#include "core/base/rng.h"
#include "core/model/roles.h"

namespace espalier {

at::Tensor init_param(const ParamInfo& info, uint64_t seed, double init_std, int64_t depth) {
  if (info.name.ends_with(".bias")) return at::zeros(info.shape, at::kFloat);
  if (!info.is_matrix()) return at::ones(info.shape, at::kFloat);
  at::Tensor value = at::empty(info.shape, at::kFloat);
  Rng(seed, "init/" + info.name).normal(std::span(value.mutable_data_ptr<float>(), static_cast<size_t>(value.numel())));
  return value.mul_(writes_residual(info) ? init_std / std::sqrt(2.0 * static_cast<double>(depth)) : init_std);
}

ParamTable init_params(const ModelSpec& spec, uint64_t seed, double init_std, int64_t depth) {
  return {spec, [&](const ParamInfo& info) { return init_param(info, seed, init_std, depth); }};
}

}  // namespace espalier
