#include "core/growth/execute.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/growth/evaluator.h"
#include "core/growth/like_gradient.h"

namespace espalier::growth {

using at::Tensor;

namespace {

// By node: updates seen by the oldest of the parameters that it is made of.
std::vector<int64_t> source_steps(const Plan& plan, const OptimState& state) {
  std::vector<int64_t> steps;
  for (const Node& node : plan.nodes) {
    int64_t step = 0;
    if (node.op == Op::src)
      if (const auto it = state.find(node.text); it != state.end()) step = it->second.step;
    for (const NodeId input : node.inputs) step = std::max(step, steps[input - 1]);
    steps.push_back(step);
  }
  return steps;
}

}  // namespace

Leaves initial_leaves(const Plan& plan, const ParamTable& params, uint64_t seed, int64_t event) {
  const c10::NoGradGuard no_grad;
  const OptimState none;
  const Leaves unset;
  Evaluator evaluator(plan, params, none, unset, seed, event);
  Leaves out;
  for (NodeId id = 1; id <= plan.nodes.size(); ++id)
    if (plan.node(id).op == Op::learned)
      out[plan.node(id).text] = evaluator.eval(id, Mode::value).clone(at::MemoryFormat::Contiguous);
  return out;
}

Leaves detached(const Leaves& leaves) {
  Leaves out;
  for (const auto& [name, leaf] : leaves) out[name] = leaf.detach();
  return out;
}

ParamTable expand(const Plan& plan, const ModelSpec& to, const ParamTable& params, const Leaves& leaves, uint64_t seed,
                  int64_t event) {
  const OptimState none;
  Evaluator evaluator(plan, params, none, leaves, seed, event);
  return {to, [&](const ParamInfo& info) { return evaluator.eval(plan.assignments.at(info.name).value, Mode::value); }};
}

Grown execute(const Plan& plan, const ModelSpec& to, const ParamTable& params, const OptimState& state, uint64_t seed,
              int64_t event, const std::string& who, const Leaves& leaves) {
  const c10::NoGradGuard no_grad;
  Evaluator evaluator(plan, params, state, leaves, seed, event);
  // Each result is a tensor of its own: two layers made from one may be equal, but must not share storage.
  const auto own = [](Tensor result) {
    return Evaluator::reusable(result) && result.is_contiguous() ? result : result.clone(at::MemoryFormat::Contiguous);
  };
  const auto check_finite = [&](const Tensor& value, const std::string& what) {
    const auto [least, most] = at::aminmax(value);  // both NaN where any value is; isfinite() would need a copy
    if (!std::isfinite(least.item<double>()) || !std::isfinite(most.item<double>()))
      throw Error(ErrorCode::plugin, fmt::format("the plan gives {} values that are not finite", what), who,
                  "nothing was changed");
  };
  const std::vector<int64_t> steps = source_steps(plan, state);
  const auto needs_moments = [&](const Assignment& slot) {
    // Where none of the sources was ever updated, a fresh state says the same.
    return slot.moments != Moments::zero && steps[slot.value - 1] > 0;
  };
  const auto found_from_value = [](const Assignment& slot) {
    return slot.moments == Moments::like_gradient && slot.gradient == 0;
  };
  const auto first_moment = [](const Assignment& slot) {
    if (slot.moments == Moments::custom) return std::pair(slot.exp_avg, Mode::value);
    return std::pair(slot.moments == Moments::map ? slot.value : slot.gradient, Mode::exp_avg);
  };
  const auto second_moment = [](const Assignment& slot) {
    if (slot.moments == Moments::custom) return std::pair(slot.exp_avg_sq, Mode::value);
    return std::pair(slot.moments == Moments::map ? slot.value : slot.gradient, Mode::exp_avg_sq);
  };
  // What several parameters share is kept from the first of them to the last. So those of one role follow each other,
  // the largest roles first: when their shared nodes are largest, the least of the new model is there.
  std::vector<ParamInfo> order = param_infos(to);
  std::stable_sort(order.begin(), order.end(), [](const ParamInfo& a, const ParamInfo& b) {
    return std::pair(-a.numel(), a.role) < std::pair(-b.numel(), b.role);
  });
  for (const auto& info : order) {
    const Assignment& slot = plan.assignments.at(info.name);
    evaluator.count(slot.value, Mode::value);
    if (!needs_moments(slot) || found_from_value(slot)) continue;
    for (const auto& [node, mode] : {first_moment(slot), second_moment(slot)}) evaluator.count(node, mode);
  }
  Grown grown;
  std::unordered_map<std::string, Tensor> values;
  for (const auto& info : order) {
    const Assignment& slot = plan.assignments.at(info.name);
    Tensor& value = values[info.name] = own(evaluator.eval(slot.value, Mode::value));
    check_finite(value, "'" + info.name + "'");
    if (!needs_moments(slot)) continue;
    AdamMoments moments;
    if (found_from_value(slot)) {
      moments = like_gradient(plan, slot.value, params, state, leaves, seed, event);
      moments.exp_avg = own(std::move(moments.exp_avg));
      moments.exp_avg_sq = own(std::move(moments.exp_avg_sq));
    } else {
      const auto [first, first_mode] = first_moment(slot);
      const auto [second, second_mode] = second_moment(slot);
      moments.exp_avg = own(evaluator.eval(first, first_mode));
      moments.exp_avg_sq = own(evaluator.eval(second, second_mode));
    }
    moments.step = steps[slot.value - 1];
    check_finite(moments.exp_avg, "the first moment of '" + info.name + "'");
    check_finite(moments.exp_avg_sq, "the second moment of '" + info.name + "'");
    grown.state.emplace(info.name, std::move(moments));
  }
  grown.params = ParamTable(to, [&](const ParamInfo& info) { return values.at(info.name); });
  return grown;
}

}  // namespace espalier::growth
