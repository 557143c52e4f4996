#include "core/growth/like_gradient.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <torch/csrc/autograd/autograd.h>

#include <cassert>
#include <set>

#include "core/growth/evaluator.h"

namespace espalier::growth {

using at::Tensor;

namespace {

// Names of the old weights that a node is made of.
std::set<std::string> weights_below(const Plan& plan, NodeId id) {
  std::set<std::string> names;
  std::vector<bool> seen(plan.nodes.size(), false);
  std::vector<NodeId> open{id};
  while (!open.empty()) {
    const NodeId next = open.back();
    open.pop_back();
    const Node& node = plan.node(next);
    if (node.form == Form::constant || seen[next - 1]) continue;
    seen[next - 1] = true;
    if (node.op == Op::src) names.insert(node.text);
    open.insert(open.end(), node.inputs.begin(), node.inputs.end());
  }
  return names;
}

// 0 where nothing new is made of the old value.
Tensor divided(const Tensor& moment, const Tensor& by) {
  return at::where(by > 0, moment / by, at::zeros_like(moment));
}

struct Context {
  const Plan& plan;
  const ParamTable& params;
  const OptimState& state;
  const Leaves& leaves;
  uint64_t seed;
  int64_t event;

  Tensor eval(NodeId id, Mode mode, const OptimState& moments) const {
    return Evaluator(plan, params, moments, leaves, seed, event).eval(id, mode);
  }
};

// Each new value has one old value below it, so M^T M is diagonal: d_j, the sum of the squared factors with which old
// value j is used. (M^+)^T = M diag(1 / d). The sums are the gradient of 1^T (M squared) w with respect to w.
AdamMoments through_copies(const Context& c, NodeId id) {
  OptimState ones, divided_by;
  torch::autograd::variable_list leaves;
  for (const std::string& name : weights_below(c.plan, id)) {
    const Tensor one = at::ones_like(c.params.at(name)).detach().set_requires_grad(true);
    ones[name] = {one, one, 0};
    leaves.push_back(one);
  }
  torch::autograd::variable_list squares;
  {
    const c10::AutoGradMode with_graph(true);
    squares = torch::autograd::grad({c.eval(id, Mode::exp_avg_sq, ones).sum()}, leaves);
  }
  size_t i = 0;
  for (const auto& [name, one] : ones) {
    const Tensor& d = squares[i++];
    const auto old = c.state.find(name);
    if (old == c.state.end()) continue;  // never updated: zero
    divided_by[name] = {divided(old->second.exp_avg, d), divided(old->second.exp_avg_sq, d.square()), 0};
  }
  return {c.eval(id, Mode::exp_avg, divided_by), c.eval(id, Mode::exp_avg_sq, divided_by), 0};
}

}  // namespace

AdamMoments like_gradient(const Plan& plan, NodeId value, const ParamTable& params, const OptimState& state,
                          const Leaves& leaves, uint64_t seed, int64_t event) {
  const c10::NoGradGuard no_grad;
  const Context context{plan, params, state, leaves, seed, event};
  std::vector<NodeId> above;  // from `value` down to the copies
  NodeId id = value;
  while (plan.node(id).form == Form::product) {
    above.push_back(id);
    for (const NodeId input : plan.node(id).inputs)
      if (plan.node(input).form != Form::constant) id = input;
  }
  const Node& inner = plan.node(id);
  assert(inner.form <= Form::copies);
  const auto options = params.begin()->value.options().requires_grad(false);
  if (inner.form == Form::constant) return {at::zeros(inner.shape, options), at::zeros(inner.shape, options), 0};
  AdamMoments moments = through_copies(context, id);
  for (; !above.empty(); above.pop_back()) {
    const Node& node = plan.node(above.back());
    const auto both = [&](auto&& change) {
      moments = {change(moments.exp_avg, false), change(moments.exp_avg_sq, true), 0};
    };
    if (node.op == Op::permute) {
      both([&](const Tensor& m, bool) { return m.permute(node.ints); });
    } else if (node.op == Op::reshape) {
      both([&](const Tensor& m, bool) { return m.reshape(node.shape); });
    } else if (node.op == Op::lincomb) {  // a factor; what is added is constant
      for (size_t i = 0; i < node.inputs.size(); ++i) {
        const double c = node.reals[i], inverse = c == 0 ? 0 : 1 / c;
        if (plan.node(node.inputs[i]).form == Form::constant) continue;
        both([&](const Tensor& m, bool squared) { return m * (squared ? inverse * inverse : inverse); });
      }
    } else {
      assert(node.op == Op::matmul);
      const bool left = plan.node(node.inputs[0]).form == Form::constant;
      Tensor factor = context.eval(node.inputs[left ? 0 : 1], Mode::value, state).detach();
      if (node.dim & (left ? 1 : 2)) factor = factor.t();
      const Tensor dual = at::linalg_pinv(factor.to(at::kDouble)).t().to(options);
      const bool turned = node.dim & (left ? 2 : 1);
      both([&](const Tensor& m, bool squared) {
        const Tensor inside = turned ? m.t() : m, outside = squared ? dual.square() : dual;
        return left ? at::matmul(outside, inside) : at::matmul(inside, outside);
      });
    }
  }
  return moments;
}

}  // namespace espalier::growth
