#include "core/growth/audit.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/error.h"
#include "core/model/pointwise.h"

namespace espalier::growth {
namespace {

at::Tensor probe_logits(const ModelSpec& spec, const ParamTable& params, const Probe& probe,
                        const std::optional<StepShape>& shape) {
  return forward_logits(spec, params, probe.tokens, shape.value_or(StepShape::everything(spec.num_layers)),
                        ComputeType::fp32);
}

// Hidden units of a layer that the shape leaves out.
int64_t closed_units(const ModelSpec& spec, const std::optional<StepShape>& shape, int layer) {
  if (shape && shape->scale[static_cast<size_t>(layer)] == 0) return spec.d_ff;
  if (!shape || shape->unit_gate.empty()) return 0;
  const auto first = shape->unit_gate.begin() + layer * spec.d_ff;
  return std::count(first, first + spec.d_ff, 0.0F);
}

at::Tensor probe_loss(const at::Tensor& logits, const Probe& probe) {
  return cross_entropy(logits.flatten(0, 1), probe.targets.flatten());
}

}  // namespace

ProbeGradients probe_gradients(const ModelSpec& spec, const ParamTable& params, const Probe& probe,
                               const std::optional<StepShape>& shape) {
  const ParamTable leaves =
      params.transformed([](const Param& param) { return param.value.detach().set_requires_grad(true); });
  probe_loss(probe_logits(spec, leaves, probe, shape), probe).backward();
  ProbeGradients out;
  double squares = 0;
  for (const auto& param : leaves) {
    const at::Tensor& grad = param.value.grad();
    if (!grad.defined()) continue;  // its part of the model does not run
    squares += grad.square().sum(at::kDouble).item<double>();
    // Column u of mlp.down's gradient is the sum of (gradient x activation of unit u) over the probe: all zero means
    // that the unit never fired, or that nothing downstream listens.
    if (param.info.role == "mlp.down" && param.info.is_matrix())
      out.dead_units += grad.abs().amax(0).eq(0).sum().item<int64_t>() - closed_units(spec, shape, param.info.layer);
  }
  out.norm = std::sqrt(squares);
  return out;
}

double layer_similarity(const ModelSpec& spec, const ParamTable& params) {
  const c10::NoGradGuard no_grad;
  double sum = 0;
  int64_t pairs = 0;
  for (const auto& param : params) {
    if (param.info.layer < 0 || param.info.layer + 1 >= spec.num_layers || !param.info.is_matrix()) continue;
    const std::string next =
        fmt::format("layers.{}{}", param.info.layer + 1, param.info.name.substr(param.info.name.find('.', 7)));
    const at::Tensor a = param.value.flatten(), b = params.at(next).flatten();
    const double norms = (at::linalg_vector_norm(a) * at::linalg_vector_norm(b)).item<double>();
    if (norms > 0) sum += at::dot(a, b).item<double>() / norms;
    ++pairs;
  }
  return pairs == 0 ? 0 : sum / static_cast<double>(pairs);
}

double mean_probe_loss(const ModelSpec& spec, const ParamTable& params, const Probe& probe,
                       const std::vector<StepShape>& shapes) {
  const c10::NoGradGuard no_grad;
  std::vector<double> losses;
  for (const StepShape& shape : shapes) {
    const auto same = std::find(shapes.begin(), shapes.begin() + static_cast<int64_t>(losses.size()), shape);
    const auto before = static_cast<size_t>(same - shapes.begin());
    losses.push_back(
        before < losses.size()
            ? losses[before]
            : probe_loss(forward_logits(spec, params, probe.tokens, shape, ComputeType::fp32), probe).item<double>());
  }
  return std::accumulate(losses.begin(), losses.end(), 0.0) / static_cast<double>(losses.size());
}

Audit audit(const ModelSpec& from, const ParamTable& before, const ModelSpec& to, const ParamTable& after,
            const Probe& probe, std::optional<double> preserving_tol, const std::string& who,
            const std::optional<StepShape>& last_step, const std::optional<StepShape>& first_step) {
  const c10::NoGradGuard no_grad;
  const at::Tensor old_logits = probe_logits(from, before, probe, last_step);
  const at::Tensor new_logits = probe_logits(to, after, probe, first_step);
  Audit result;
  result.loss_before = probe_loss(old_logits, probe).item<double>();
  result.loss_after = probe_loss(new_logits, probe).item<double>();
  result.max_logit_diff = (new_logits - old_logits).abs().max().item<double>();
  result.params_before = num_params(from);
  result.params_after = num_params(to);
  if (preserving_tol && !(result.max_logit_diff <= *preserving_tol))
    throw Error(
        ErrorCode::plugin,
        fmt::format("claims to preserve the model's function within {:g}, but a logit of the probe batch moved by {:g}",
                    *preserving_tol, result.max_logit_diff),
        who, "the growth was refused; model, optimizer and files are untouched");
  return result;
}

}  // namespace espalier::growth
