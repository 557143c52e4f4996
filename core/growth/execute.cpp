#include "core/growth/execute.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <unordered_map>

#include "core/base/error.h"
#include "core/base/rng.h"

namespace espalier::growth {
namespace {

using at::Tensor;

// What an evaluation computes of each node.
//   value: the node itself.
//   exp_avg: its linear part, with old weights replaced by their first moments. Constants vanish: a gradient does not
//     flow from them.
//   exp_avg_sq: the same on second moments, with every coefficient squared (cross terms between gradients are dropped,
//     as in Shen et al. 2022, staged training, section 3).
enum class Mode { value, exp_avg, exp_avg_sq };

class Evaluator {
 public:
  Evaluator(const Plan& plan, const ParamTable& params, const OptimState& state, const Leaves& leaves, uint64_t seed,
            int64_t event, std::string who)
      : plan_(plan),
        params_(params),
        state_(state),
        leaves_(leaves),
        seed_(seed),
        event_(event),
        who_(std::move(who)) {}

  const Tensor& eval(NodeId id, Mode mode) {
    auto& memo = memo_[static_cast<size_t>(mode)];
    if (const auto it = memo.find(id); it != memo.end()) return it->second;
    Tensor result = mode == Mode::value ? value(plan_.node(id)) : linear(plan_.node(id), mode);
    return memo.emplace(id, std::move(result)).first->second;
  }

  bool depends_on_weights(NodeId id) const {
    const Node& node = plan_.node(id);
    if (node.op == Op::src) return node.dim == 0;
    return std::any_of(node.inputs.begin(), node.inputs.end(), [&](NodeId input) { return depends_on_weights(input); });
  }

  // Updates seen by the oldest of the parameters that a node is made of.
  int64_t source_step(NodeId id) const {
    const Node& node = plan_.node(id);
    int64_t step = 0;
    if (node.op == Op::src)
      if (const auto it = state_.find(node.text); it != state_.end()) step = it->second.step;
    for (const NodeId input : node.inputs) step = std::max(step, source_step(input));
    return step;
  }

 private:
  Tensor moment(const std::string& name, Mode mode) const {
    const auto it = state_.find(name);
    if (it == state_.end()) return at::zeros_like(params_.at(name));
    return mode == Mode::exp_avg ? it->second.exp_avg : it->second.exp_avg_sq;
  }

  // Shape-only operations act alike on values and on moments.
  Tensor reshaped(const Node& node, const Tensor& a) const {
    switch (node.op) {
      case Op::gather:
        return a.index_select(node.dim, at::tensor(node.ints, at::kLong).to(a.device()));
      case Op::slice:
        return a.narrow(node.dim, node.ints[0], node.ints[1] - node.ints[0]);
      case Op::permute:
        return a.permute(node.ints);
      default:
        return a.reshape(node.shape);
    }
  }

  Tensor joined(const Node& node, Mode mode) {
    std::vector<Tensor> parts;
    for (const NodeId input : node.inputs) parts.push_back(eval(input, mode));
    return at::cat(parts, node.dim);
  }

  Tensor value(const Node& node) {
    const auto options = params_.begin()->value.options().requires_grad(false);
    const auto in = [&](size_t i) -> const Tensor& { return eval(node.inputs[i], Mode::value); };
    switch (node.op) {
      case Op::src:
        if (node.dim == 0) return params_.at(node.text).detach();
        return moment(node.text, node.dim == 1 ? Mode::exp_avg : Mode::exp_avg_sq);
      case Op::full:
        return at::full(node.shape, node.reals[0], options);
      case Op::normal: {
        Tensor out = at::empty(node.shape, at::kFloat);
        Rng(seed_, "growth/" + node.text)
            .normal(std::span(out.mutable_data_ptr<float>(), static_cast<size_t>(out.numel())),
                    static_cast<uint64_t>(event_));
        return out.mul_(node.reals[0]).to(options);
      }
      case Op::data:
        return at::tensor(node.reals, at::kDouble).to(options).view(node.shape);
      case Op::lincomb: {
        Tensor sum = in(0) * node.reals[0];
        for (size_t i = 1; i < node.inputs.size(); ++i) sum = at::add(sum, in(i), node.reals[i]);
        return sum;
      }
      case Op::wsum: {
        Tensor sum = in(0)[0] * in(1);
        for (size_t i = 2; i < node.inputs.size(); ++i) sum = sum + in(0)[static_cast<int64_t>(i) - 1] * in(i);
        return sum;
      }
      case Op::matmul:
        return product(in(0), in(1), node);
      case Op::mul:
        return in(0) * in(1);
      case Op::concat:
        return joined(node, Mode::value);
      case Op::learned: {
        const auto leaf = leaves_.find(node.text);
        return leaf == leaves_.end() ? in(0) : leaf->second;
      }
      default:
        return reshaped(node, in(0));
    }
  }

  static Tensor product(const Tensor& a, const Tensor& b, const Node& node) {
    return at::matmul(node.dim & 1 ? a.t() : a, node.dim & 2 ? b.t() : b);
  }

  Tensor linear(const Node& node, Mode mode) {
    const auto options = params_.begin()->value.options().requires_grad(false);
    const bool squared = mode == Mode::exp_avg_sq;
    const auto coefficient = [&](double c) { return squared ? c * c : c; };
    const auto factor = [&](NodeId id) { return squared ? eval(id, Mode::value).square() : eval(id, Mode::value); };
    switch (node.op) {
      case Op::src:
        if (node.dim == 0) return moment(node.text, mode);
        return at::zeros(node.shape, options);
      case Op::full:
      case Op::normal:
      case Op::data:
      case Op::learned:
        return at::zeros(node.shape, options);
      case Op::lincomb: {
        Tensor sum = eval(node.inputs[0], mode) * coefficient(node.reals[0]);
        for (size_t i = 1; i < node.inputs.size(); ++i)
          sum = at::add(sum, eval(node.inputs[i], mode), coefficient(node.reals[i]));
        return sum;
      }
      case Op::wsum: {
        if (depends_on_weights(node.inputs[0])) not_linear("wsum");
        const Tensor weights = factor(node.inputs[0]);
        Tensor sum = weights[0] * eval(node.inputs[1], mode);
        for (size_t i = 2; i < node.inputs.size(); ++i)
          sum = sum + weights[static_cast<int64_t>(i) - 1] * eval(node.inputs[i], mode);
        return sum;
      }
      case Op::matmul:
      case Op::mul: {
        const bool a = depends_on_weights(node.inputs[0]), b = depends_on_weights(node.inputs[1]);
        if (a && b) not_linear(node.op == Op::mul ? "mul" : "matmul");
        if (!a && !b) return at::zeros(node.shape, options);
        const Tensor left = a ? eval(node.inputs[0], mode) : factor(node.inputs[0]);
        const Tensor right = b ? eval(node.inputs[1], mode) : factor(node.inputs[1]);
        return node.op == Op::mul ? left * right : product(left, right, node);
      }
      case Op::concat:
        return joined(node, mode);
      default:
        return reshaped(node, eval(node.inputs[0], mode));
    }
  }

  [[noreturn]] void not_linear(const char* op) const {
    throw Error(ErrorCode::plugin,
                fmt::format("{} multiplies two old parameters, so their moments cannot be mapped", op), who_,
                "the plugin must assign moments ZERO or CUSTOM here");
  }

  const Plan& plan_;
  const ParamTable& params_;
  const OptimState& state_;
  const Leaves& leaves_;
  uint64_t seed_;
  int64_t event_;
  std::string who_;
  std::unordered_map<NodeId, Tensor> memo_[3];
};

}  // namespace

Leaves initial_leaves(const Plan& plan, const ParamTable& params, uint64_t seed, int64_t event) {
  const c10::NoGradGuard no_grad;
  const OptimState none;
  const Leaves unset;
  Evaluator evaluator(plan, params, none, unset, seed, event, "");
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
  Evaluator evaluator(plan, params, none, leaves, seed, event, "");
  return {to, [&](const ParamInfo& info) { return evaluator.eval(plan.assignments.at(info.name).value, Mode::value); }};
}

Grown execute(const Plan& plan, const ModelSpec& to, const ParamTable& params, const OptimState& state, uint64_t seed,
              int64_t event, const std::string& who, const Leaves& leaves) {
  const c10::NoGradGuard no_grad;
  Evaluator evaluator(plan, params, state, leaves, seed, event, who);
  // Copies: two layers made from one may be equal, but must not share storage.
  const auto owned = [&](NodeId id, Mode mode) { return evaluator.eval(id, mode).clone(at::MemoryFormat::Contiguous); };
  const auto check_finite = [&](const Tensor& value, const std::string& what) {
    if (!at::isfinite(value).all().item<bool>())
      throw Error(ErrorCode::plugin, fmt::format("the plan gives {} values that are not finite", what), who,
                  "nothing was changed");
  };
  Grown grown;
  grown.params = ParamTable(to, [&](const ParamInfo& info) {
    Tensor value = owned(plan.assignments.at(info.name).value, Mode::value);
    check_finite(value, "'" + info.name + "'");
    return value;
  });
  for (const auto& [name, slot] : plan.assignments) {
    if (slot.moments == Moments::zero) continue;
    const int64_t step = evaluator.source_step(slot.value);
    if (step == 0) continue;  // none of the sources was ever updated: a fresh state says the same
    const bool custom = slot.moments == Moments::custom;
    AdamMoments moments{custom ? owned(slot.exp_avg, Mode::value) : owned(slot.value, Mode::exp_avg),
                        custom ? owned(slot.exp_avg_sq, Mode::value) : owned(slot.value, Mode::exp_avg_sq), step};
    check_finite(moments.exp_avg, "the first moment of '" + name + "'");
    check_finite(moments.exp_avg_sq, "the second moment of '" + name + "'");
    grown.state.emplace(name, std::move(moments));
  }
  return grown;
}

}  // namespace espalier::growth
