#include "core/train/operator_phase.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>

#include "core/model/flops.h"

namespace espalier {

OperatorPhase begin_operator_phase(growth::Plan plan, const ModelSpec& to, int64_t stage, int64_t step,
                                   const ParamTable& params, uint64_t seed, int64_t event) {
  OperatorPhase phase;
  phase.leaves = growth::initial_leaves(plan, params, seed, event);
  for (const auto& [name, leaf] : phase.leaves) leaf.set_requires_grad(true);
  phase.plan_hash = growth::plan_hash(plan);
  phase.plan = std::move(plan);
  phase.to = to;
  phase.stage = stage;
  phase.start = step;
  return phase;
}

bool operator_gradients(OperatorPhase& phase, const ParamTable& small, uint64_t seed, int64_t event,
                        const std::function<bool(const ParamTable& large)>& backward) {
  clear_grads(phase.leaves);
  const ParamTable expanded = growth::expand(phase.plan, phase.to, small, phase.leaves, seed, event);
  // Two passes, exact: the larger model's gradients first, then one vector-Jacobian product through the expansion.
  const ParamTable large =
      expanded.transformed([](const Param& param) { return param.value.detach().set_requires_grad(true); });
  if (!backward(large)) return false;
  torch::autograd::variable_list outputs, grads;
  for (const auto& param : expanded) {
    const at::Tensor& grad = large.at(param.info.name).grad();
    if (!param.value.requires_grad() || !grad.defined()) continue;
    outputs.push_back(param.value);
    grads.push_back(grad);
  }
  if (!outputs.empty()) torch::autograd::backward(outputs, grads);  // none: the step held padding alone
  return true;
}

double clip_operator_gradients(const OperatorPhase& phase) {
  return clip_grad_norm(phase.leaves, phase.learning().max_norm);
}

double update_operators(OperatorPhase& phase) {
  const growth::Learning& learning = phase.learning();
  OptimizerConfig config;
  config.beta1 = learning.beta1;
  config.beta2 = learning.beta2;
  config.eps = learning.eps;
  config.weight_decay = learning.weight_decay;
  const double lr = learning.lr_at(phase.done);
  adamw_step(config, lr, phase.leaves, phase.optim);
  phase.done += 1;
  return lr;
}

double operator_step_flops(const growth::Plan& plan, const ModelSpec& to, int64_t tokens) {
  return step_flops(to, StepShape::everything(to.num_layers), tokens) + growth::expansion_step_flops(plan);
}

}  // namespace espalier
