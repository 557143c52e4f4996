#include "core/growth/audit.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include "core/base/error.h"
#include "core/model/pointwise.h"

namespace espalier::growth {
namespace {

at::Tensor probe_logits(const ModelSpec& spec, const ParamTable& params, const Probe& probe) {
  return forward_logits(spec, params, probe.tokens, StepShape::everything(spec.num_layers), ComputeType::fp32);
}

}  // namespace

Audit audit(const ModelSpec& from, const ParamTable& before, const ModelSpec& to, const ParamTable& after,
            const Probe& probe, std::optional<double> preserving_tol, const std::string& who) {
  const c10::NoGradGuard no_grad;
  const at::Tensor old_logits = probe_logits(from, before, probe), new_logits = probe_logits(to, after, probe);
  const auto loss = [&](const at::Tensor& logits) {
    return cross_entropy(logits.flatten(0, 1), probe.targets.flatten()).item<double>();
  };
  Audit result{loss(old_logits), loss(new_logits), (new_logits - old_logits).abs().max().item<double>(),
               num_params(from), num_params(to)};
  if (preserving_tol && !(result.max_logit_diff <= *preserving_tol))
    throw Error(
        ErrorCode::plugin,
        fmt::format("claims to preserve the model's function within {:g}, but a logit of the probe batch moved by {:g}",
                    *preserving_tol, result.max_logit_diff),
        who, "the growth was refused; model, optimizer and files are untouched");
  return result;
}

}  // namespace espalier::growth
