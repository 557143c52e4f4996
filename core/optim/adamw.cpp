#include "core/optim/adamw.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <vector>

namespace espalier {

void OptimizerConfig::fields(Fields& f) {
  f.field("lr", lr, "Peak learning rate; [schedule.lr] shapes it over the run.", Range::above(0));
  f.field("beta1", beta1, "Decay of the first moment.", Range::between(0, 1));
  f.field("beta2", beta2, "Decay of the second moment.", Range::between(0, 1));
  f.field("eps", eps, "Added to the root of the second moment.", Range::above(0));
  f.field("weight_decay", weight_decay, "Decoupled decay of matrices; norms and biases never decay.",
          Range::at_least(0));
}

Trainables::Trainables(const ParamTable& params) {
  for (const auto& param : params) items_.push_back({param.info.name, param.value, param.info.is_matrix()});
}

Trainables::Trainables(const std::map<std::string, at::Tensor>& leaves) {
  for (const auto& [name, value] : leaves) items_.push_back({name, value, value.dim() >= 2});
}

void adamw_step(const OptimizerConfig& config, double lr, const Trainables& params, OptimState& state) {
  const c10::NoGradGuard no_grad;
  struct Group {
    std::vector<at::Tensor> params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps;
  } groups[2];
  for (const auto& param : params) {
    const at::Tensor& grad = param.value.grad();
    if (!grad.defined()) continue;
    AdamMoments& moments = state[param.name];
    if (!moments.exp_avg.defined()) moments = {at::zeros_like(param.value), at::zeros_like(param.value), 0};
    moments.step += 1;
    Group& group = groups[param.decays ? 1 : 0];
    group.params.push_back(param.value);
    group.grads.push_back(grad);
    group.exp_avgs.push_back(moments.exp_avg);
    group.exp_avg_sqs.push_back(moments.exp_avg_sq);
    group.steps.push_back(at::scalar_tensor(static_cast<double>(moments.step), param.value.options()));
  }
  for (const int decays : {0, 1}) {
    Group& g = groups[decays];
    if (g.params.empty()) continue;
    at::_fused_adamw_(g.params, g.grads, g.exp_avgs, g.exp_avg_sqs, g.max_exp_avg_sqs, g.steps, lr, config.beta1,
                      config.beta2, decays != 0 ? config.weight_decay : 0.0, config.eps, /*amsgrad=*/false,
                      /*maximize=*/false);
  }
}

void clear_grads(const Trainables& params) {
  for (const auto& param : params) param.value.mutable_grad().reset();
}

namespace {

std::vector<at::Tensor> defined_grads(const Trainables& params) {
  std::vector<at::Tensor> grads;
  for (const auto& param : params)
    if (param.value.grad().defined()) grads.push_back(param.value.grad());
  return grads;
}

}  // namespace

void scale_grads(const Trainables& params, double factor) {
  const c10::NoGradGuard no_grad;
  const std::vector<at::Tensor> grads = defined_grads(params);
  if (!grads.empty()) at::_foreach_mul_(grads, factor);
}

double clip_grad_norm(const Trainables& params, double max_norm) {
  const c10::NoGradGuard no_grad;
  const std::vector<at::Tensor> grads = defined_grads(params);
  if (grads.empty()) return 0.0;
  const double norm = at::linalg_vector_norm(at::stack(at::_foreach_norm(grads, 2))).item<double>();
  if (max_norm > 0 && norm > max_norm) at::_foreach_mul_(grads, max_norm / (norm + 1e-6));
  return norm;
}

}  // namespace espalier
