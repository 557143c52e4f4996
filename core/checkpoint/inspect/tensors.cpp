#include "core/checkpoint/inspect/tensors.h"

#include <ATen/ATen.h>

#include <cstring>

#include "core/base/json.h"

namespace espalier {

using nlohmann::json;

namespace {

int64_t equal_values(const at::Tensor& a, const at::Tensor& b) {
  if (a.scalar_type() != b.scalar_type()) return 0;
  const at::Tensor x = a.cpu().contiguous(), y = b.cpu().contiguous();
  const auto *p = static_cast<const char*>(x.const_data_ptr()), *q = static_cast<const char*>(y.const_data_ptr());
  const size_t size = x.element_size();
  int64_t equal = 0;
  for (size_t at = 0; at < x.nbytes(); at += size) equal += std::memcmp(p + at, q + at, size) == 0 ? 1 : 0;
  return equal;
}

json difference(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.to(at::kDouble), change = b.to(at::kDouble) - x;
  const double size = x.norm().item<double>(), moved = change.norm().item<double>();
  return {{"max", change.abs().max().item<double>()},
          {"relative", size > 0 ? moved / size : moved},
          {"equal_values", equal_values(a, b)},
          {"values", a.numel()}};
}

}  // namespace

NamedTensors named_params(const ParamTable& params) {
  NamedTensors out;
  for (const auto& param : params) out[param.info.name] = param.value.detach();
  return out;
}

NamedTensors named_moments(const OptimState& state) {
  NamedTensors out;
  for (const auto& [name, moments] : state) {
    out["exp_avg/" + name] = moments.exp_avg;
    out["exp_avg_sq/" + name] = moments.exp_avg_sq;
    out["step/" + name] = at::tensor({moments.step}, at::kLong);
  }
  return out;
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) return false;
  const at::Tensor x = a.cpu().contiguous(), y = b.cpu().contiguous();
  return x.nbytes() == 0 || std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0;
}

json tensor_differences(const NamedTensors& a, const NamedTensors& b) {
  json out = {{"equal", 0},
              {"only_first", json::array()},
              {"only_second", json::array()},
              {"other_shape", json::array()},
              {"different", json::object()}};
  int64_t equal = 0;
  for (const auto& [name, first] : a) {
    const auto second = b.find(name);
    if (second == b.end()) {
      out["only_first"].push_back(name);
    } else if (first.sizes() != second->second.sizes()) {
      out["other_shape"].push_back(name);
    } else if (same_bits(first, second->second)) {
      ++equal;
    } else {
      out["different"][name] = difference(first, second->second);
    }
  }
  for (const auto& [name, second] : b)
    if (a.count(name) == 0) out["only_second"].push_back(name);
  out["equal"] = equal;
  return out;
}

}  // namespace espalier
