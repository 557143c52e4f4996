#include "core/growth/evaluator.h"

#include <ATen/ATen.h>
#include <ATen/ExpandUtils.h>
#include <c10/core/GradMode.h>
#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "core/base/error.h"
#include "core/base/rng.h"

namespace espalier::growth {

using at::Tensor;

namespace {

// Shape-only operations act alike on values and on moments.
Tensor reshaped(const Node& node, const Tensor& a) {
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

Tensor product(const Tensor& a, const Tensor& b, const Node& node) {
  return at::matmul(node.dim & 1 ? a.t() : a, node.dim & 2 ? b.t() : b);
}

Tensor multiplied(Tensor a, const Tensor& b) {
  return Evaluator::reusable(a) && a.sizes() == at::infer_size(a.sizes(), b.sizes()) ? a.mul_(b) : a * b;
}

Tensor scaled(Tensor a, double factor) {
  return Evaluator::reusable(a) ? a.mul_(factor) : a * factor;
}

Tensor added(Tensor sum, const Tensor& term, double coefficient) {
  return c10::GradMode::is_enabled() ? at::add(sum, term, coefficient) : sum.add_(term, coefficient);
}

}  // namespace

Tensor Evaluator::eval(NodeId id, Mode mode) {
  auto& memo = memo_[static_cast<size_t>(mode)];
  auto& uses = uses_[static_cast<size_t>(mode)];
  const auto left = uses.find(id);
  const bool last = left != uses.end() && --left->second <= 0;
  if (const auto it = memo.find(id); it != memo.end()) {
    Tensor result = it->second;
    if (last) memo.erase(it);
    return result;
  }
  Tensor result = mode == Mode::value ? value(plan_.node(id)) : linear(plan_.node(id), mode);
  if (!last) memo.emplace(id, result);
  return result;
}

void Evaluator::count(NodeId id, Mode mode) {
  if (++uses_[static_cast<size_t>(mode)][id] > 1) return;
  const Node& node = plan_.node(id);
  if (mode == Mode::value) {
    if (node.op == Op::learned && leaves_.count(node.text) != 0) return;
    for (const NodeId input : node.inputs) count(input, mode);
    return;
  }
  // As linear() below: a constant factor is needed by its value.
  if (node.op == Op::wsum) {
    count(node.inputs[0], Mode::value);
    for (size_t i = 1; i < node.inputs.size(); ++i) count(node.inputs[i], mode);
  } else if (node.op == Op::matmul || node.op == Op::mul) {
    const bool a = depends_on_weights(node.inputs[0]), b = depends_on_weights(node.inputs[1]);
    if (!a && !b) return;
    count(node.inputs[0], a ? mode : Mode::value);
    count(node.inputs[1], b ? mode : Mode::value);
  } else if (node.op != Op::learned) {
    for (const NodeId input : node.inputs) count(input, mode);
  }
}

bool Evaluator::reusable(const Tensor& tensor) {
  return !c10::GradMode::is_enabled() && tensor.use_count() == 1 && tensor.storage().use_count() == 1;
}

bool Evaluator::depends_on_weights(NodeId id) const {
  const Node& node = plan_.node(id);
  if (node.op == Op::src) return node.dim == 0;
  return std::any_of(node.inputs.begin(), node.inputs.end(), [&](NodeId input) { return depends_on_weights(input); });
}

int64_t Evaluator::source_step(NodeId id) const {
  const Node& node = plan_.node(id);
  int64_t step = 0;
  if (node.op == Op::src)
    if (const auto it = state_.find(node.text); it != state_.end()) step = it->second.step;
  for (const NodeId input : node.inputs) step = std::max(step, source_step(input));
  return step;
}

Tensor Evaluator::moment(const std::string& name, Mode mode) const {
  const auto it = state_.find(name);
  if (it == state_.end()) return at::zeros_like(params_.at(name));
  return mode == Mode::exp_avg ? it->second.exp_avg : it->second.exp_avg_sq;
}

// Without a graph, one part after the other goes into its place: together they would take the result's size again.
Tensor Evaluator::joined(const Node& node, Mode mode) {
  if (c10::GradMode::is_enabled()) {
    std::vector<Tensor> parts;
    for (const NodeId input : node.inputs) parts.push_back(eval(input, mode));
    return at::cat(parts, node.dim);
  }
  Tensor out = at::empty(node.shape, params_.begin()->value.options().requires_grad(false));
  int64_t begin = 0;
  for (const NodeId input : node.inputs) {
    const int64_t size = plan_.node(input).shape[static_cast<size_t>(node.dim)];
    out.narrow(node.dim, begin, size).copy_(eval(input, mode));
    begin += size;
  }
  return out;
}

Tensor Evaluator::value(const Node& node) {
  const auto options = params_.begin()->value.options().requires_grad(false);
  const auto in = [&](size_t i) { return eval(node.inputs[i], Mode::value); };
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
      Tensor sum = scaled(in(0), node.reals[0]);
      for (size_t i = 1; i < node.inputs.size(); ++i) sum = added(std::move(sum), in(i), node.reals[i]);
      return sum;
    }
    case Op::wsum: {
      const Tensor weights = in(0);
      Tensor sum = weights[0] * in(1);
      for (size_t i = 2; i < node.inputs.size(); ++i) sum = sum + weights[static_cast<int64_t>(i) - 1] * in(i);
      return sum;
    }
    case Op::matmul:
      return product(in(0), in(1), node);
    case Op::mul:
      return multiplied(in(0), in(1));
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

Tensor Evaluator::linear(const Node& node, Mode mode) {
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
      Tensor sum = scaled(eval(node.inputs[0], mode), coefficient(node.reals[0]));
      for (size_t i = 1; i < node.inputs.size(); ++i)
        sum = added(std::move(sum), eval(node.inputs[i], mode), coefficient(node.reals[i]));
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
      return node.op == Op::mul ? multiplied(left, right) : product(left, right, node);
    }
    case Op::concat:
      return joined(node, mode);
    default:
      return reshaped(node, eval(node.inputs[0], mode));
  }
}

void Evaluator::not_linear(const char* op) const {
  throw Error(ErrorCode::plugin, fmt::format("{} multiplies two old parameters, so their moments cannot be mapped", op),
              who_, "the plugin must assign moments ZERO or CUSTOM here");
}

}  // namespace espalier::growth
