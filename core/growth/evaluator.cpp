#include "core/growth/evaluator.h"

#include <ATen/ATen.h>
#include <ATen/ExpandUtils.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cassert>
#include <span>

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
  std::vector<Frame> open;
  if (Tensor kept = take({id, mode, 0}, open); kept.defined()) return kept;
  for (;;) {
    Frame& frame = open.back();
    if (frame.next < frame.reads.size()) {
      const Read read = frame.reads[frame.next];
      if (Tensor input = take(read, open); input.defined()) accept(open.back(), std::move(input));
      continue;  // otherwise the input's own frame is on top now
    }
    Tensor made = finish(frame);
    if (!frame.last) memo_[static_cast<size_t>(frame.mode)].emplace(frame.id, made);
    open.pop_back();
    if (open.empty()) return made;
    accept(open.back(), std::move(made));
  }
}

// The kept result, or none: then a frame that makes it was opened.
Tensor Evaluator::take(const Read& read, std::vector<Frame>& open) {
  auto& memo = memo_[static_cast<size_t>(read.mode)];
  auto& uses = uses_[static_cast<size_t>(read.mode)];
  const auto left = uses.find(read.node);
  const bool last = left != uses.end() && --left->second <= 0;
  if (const auto it = memo.find(read.node); it != memo.end()) {
    Tensor result = it->second;
    if (last) memo.erase(it);
    return result;
  }
  Frame frame;
  frame.id = read.node;
  frame.mode = read.mode;
  frame.last = last;
  frame.reads = reads(plan_.node(read.node), read.mode);
  open.push_back(std::move(frame));
  return {};
}

void Evaluator::count(NodeId id, Mode mode) {
  std::vector<Read> open{{id, mode, 0}};
  while (!open.empty()) {
    const Read read = open.back();
    open.pop_back();
    if (++uses_[static_cast<size_t>(read.mode)][read.node] > 1) continue;
    const std::vector<Read> inputs = reads(plan_.node(read.node), read.mode);
    open.insert(open.end(), inputs.begin(), inputs.end());
  }
}

std::vector<Evaluator::Read> Evaluator::reads(const Node& node, Mode mode) const {
  std::vector<Read> out;
  const bool value = mode == Mode::value;
  if (value ? node.op == Op::learned && leaves_.count(node.text) != 0 : node.form == Form::constant) return out;
  assert(value || node.form != Form::nonlinear);
  const bool factors = node.op == Op::matmul || node.op == Op::mul;
  for (size_t i = 0; i < node.inputs.size(); ++i) {
    const bool constant = plan_.node(node.inputs[i]).form == Form::constant;
    if (!value && constant && node.op == Op::lincomb) continue;  // it would add zeros
    // A constant factor is needed by its value.
    const bool factor = (factors && constant) || (node.op == Op::wsum && i == 0);
    out.push_back({node.inputs[i], factor ? Mode::value : mode, i});
  }
  return out;
}

void Evaluator::accept(Frame& frame, Tensor input) {
  const Node& node = plan_.node(frame.id);
  const Read& read = frame.reads[frame.next++];
  const bool squared = frame.mode == Mode::exp_avg_sq;
  if (squared && read.mode == Mode::value) input = input.square();
  switch (node.op) {
    case Op::lincomb: {
      const double coefficient = squared ? node.reals[read.input] * node.reals[read.input] : node.reals[read.input];
      frame.result = frame.result.defined() ? added(std::move(frame.result), input, coefficient)
                                            : scaled(std::move(input), coefficient);
      return;
    }
    case Op::wsum:
      if (read.input == 0) {
        frame.kept.push_back(std::move(input));
        return;
      }
      input = frame.kept[0][static_cast<int64_t>(read.input) - 1] * input;
      frame.result = frame.result.defined() ? frame.result + input : std::move(input);
      return;
    case Op::matmul:
    case Op::mul: {
      if (read.input == 0) {
        frame.kept.push_back(std::move(input));
        return;
      }
      Tensor left = std::move(frame.kept[0]);
      frame.result = node.op == Op::mul ? multiplied(std::move(left), input) : product(left, input, node);
      return;
    }
    case Op::concat:
      join(frame, node, input);
      return;
    case Op::learned:
      frame.result = std::move(input);
      return;
    default:
      frame.result = reshaped(node, input);
  }
}

// Without a graph, one part after the other goes into its place: together they would take the result's size again.
void Evaluator::join(Frame& frame, const Node& node, const Tensor& part) {
  if (c10::GradMode::is_enabled()) {
    frame.kept.push_back(part);
    return;
  }
  if (!frame.result.defined()) frame.result = at::empty(node.shape, options());
  const int64_t size = part.size(node.dim);
  frame.result.narrow(node.dim, frame.filled, size).copy_(part);
  frame.filled += size;
}

Tensor Evaluator::finish(Frame& frame) {
  const Node& node = plan_.node(frame.id);
  if (frame.reads.empty()) return leaf(node, frame.mode);
  if (node.op == Op::concat && c10::GradMode::is_enabled()) return at::cat(frame.kept, node.dim);
  return std::move(frame.result);
}

bool Evaluator::reusable(const Tensor& tensor) {
  return !c10::GradMode::is_enabled() && tensor.use_count() == 1 && tensor.storage().use_count() == 1;
}

at::TensorOptions Evaluator::options() const {
  return params_.begin()->value.options().requires_grad(false);
}

Tensor Evaluator::moment(const std::string& name, Mode mode) const {
  const auto it = state_.find(name);
  if (it == state_.end()) return at::zeros_like(params_.at(name));
  return mode == Mode::exp_avg ? it->second.exp_avg : it->second.exp_avg_sq;
}

Tensor Evaluator::leaf(const Node& node, Mode mode) const {
  if (mode != Mode::value)
    return node.op == Op::src && node.dim == 0 ? moment(node.text, mode) : at::zeros(node.shape, options());
  switch (node.op) {
    case Op::src:
      if (node.dim == 0) return params_.at(node.text).detach();
      return moment(node.text, node.dim == 1 ? Mode::exp_avg : Mode::exp_avg_sq);
    case Op::full:
      return at::full(node.shape, node.reals[0], options());
    case Op::normal: {
      Tensor out = at::empty(node.shape, at::kFloat);
      Rng(seed_, "growth/" + node.text)
          .normal(std::span(out.mutable_data_ptr<float>(), static_cast<size_t>(out.numel())),
                  static_cast<uint64_t>(event_));
      return out.mul_(node.reals[0]).to(options());
    }
    case Op::data:
      return at::tensor(node.reals, at::kDouble).to(options()).view(node.shape);
    default:
      return leaves_.at(node.text);
  }
}

}  // namespace espalier::growth
