#include "core/growth/plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "core/base/error.h"
#include "core/base/text.h"

namespace espalier::growth {
namespace {

using Shape = std::vector<int64_t>;

// In doubles: a product of sizes that a plugin asks for may pass any integer.
double numel(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), 1.0,
                         [](double n, int64_t size) { return n * static_cast<double>(size); });
}
std::string text(const Shape& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}
bool all_positive(const Shape& shape) {
  return std::all_of(shape.begin(), shape.end(), [](int64_t n) { return n > 0; });
}
// Parameters are 32-bit numbers.
bool fits(double value) {
  return std::abs(value) <= static_cast<double>(std::numeric_limits<float>::max());
}

// The broadcast shape, or nothing where the two do not go together.
std::optional<Shape> broadcast(const Shape& a, const Shape& b) {
  Shape out(std::max(a.size(), b.size()), 1);
  for (size_t i = 0; i < out.size(); ++i) {
    const int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1, y = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (x != y && x != 1 && y != 1) return std::nullopt;
    out[out.size() - 1 - i] = std::max(x, y);
  }
  return out;
}

std::map<std::string, ParamInfo> by_name(const ModelSpec& spec) {
  std::map<std::string, ParamInfo> out;
  for (auto& info : param_infos(spec)) out.emplace(info.name, info);
  return out;
}

std::string suggest(const std::string& name, const std::map<std::string, ParamInfo>& params) {
  std::vector<std::string> names;
  for (const auto& [key, info] : params) names.push_back(key);
  const std::string hint = did_you_mean(name, names);
  return hint.empty() ? "" : " (" + hint + ")";
}

}  // namespace

double Learning::lr_at(int64_t step) const {
  const auto done = static_cast<double>(step);
  if (step < warmup) return lr * (done + 1) / static_cast<double>(warmup);
  const double part = steps == warmup ? 0 : (done - static_cast<double>(warmup)) / static_cast<double>(steps - warmup);
  switch (shape) {
    case Shape::linear:
      return lr * (1 - part);
    case Shape::cosine:
      return lr * 0.5 * (1 + std::cos(std::numbers::pi * part));
    default:
      return lr;
  }
}

PlanBuilder::PlanBuilder(const ModelSpec& from, const ModelSpec& to)
    : old_params_(by_name(from)), new_params_(by_name(to)), tied_(to.tie_embeddings) {}

NodeId PlanBuilder::fail(std::string reason) {
  if (problem_.empty()) problem_ = std::move(reason);
  return 0;
}

NodeId PlanBuilder::add(Node node) {
  if (!problem_.empty()) return 0;
  num_inputs_ += node.inputs.size();
  if (plan_.nodes.size() >= kMaxNodes) return fail(fmt::format("it has more than {} nodes", kMaxNodes));
  if (num_inputs_ > kMaxInputs) return fail(fmt::format("its nodes have more than {} inputs", kMaxInputs));
  if (numel(node.shape) > kMaxValues) return fail(fmt::format("a node of shape {} is too large", text(node.shape)));
  node.form = form_of(plan_, node);
  node.reads_old = node.op == Op::src || std::any_of(node.inputs.begin(), node.inputs.end(),
                                                     [&](NodeId input) { return plan_.node(input).reads_old; });
  plan_.nodes.push_back(std::move(node));
  return static_cast<NodeId>(plan_.nodes.size());
}

bool PlanBuilder::valid(std::span<const NodeId> ids, const char* op) {
  for (const NodeId id : ids)
    if (id == 0 || id > plan_.nodes.size()) {
      fail(fmt::format("{}: {} is not a node of this plan", op, id));
      return false;
    }
  return problem_.empty();
}

NodeId PlanBuilder::src(const std::string& old_param, uint32_t what) {
  const auto it = old_params_.find(old_param);
  if (it == old_params_.end())
    return fail(fmt::format("src: the old model has no parameter '{}'{}", old_param, suggest(old_param, old_params_)));
  if (what > 2) return fail(fmt::format("src: {} names no tensor of a parameter", what));
  return add({Op::src, {}, it->second.shape, {}, {}, old_param, static_cast<int64_t>(what)});
}

NodeId PlanBuilder::full(Shape shape, double value) {
  if (!all_positive(shape) || !std::isfinite(value))
    return fail(fmt::format("full: shape {}, value {}", text(shape), value));
  if (!fits(value)) return fail(fmt::format("full: the value {:g} does not fit a 32-bit number", value));
  return add({Op::full, {}, std::move(shape), {}, {value}, {}, 0});
}

NodeId PlanBuilder::normal(Shape shape, double std, std::string purpose) {
  if (!all_positive(shape) || !std::isfinite(std) || std < 0)
    return fail(fmt::format("normal: shape {}, standard deviation {}", text(shape), std));
  if (!fits(std)) return fail(fmt::format("normal: the standard deviation {:g} does not fit a 32-bit number", std));
  return add({Op::normal, {}, std::move(shape), {}, {std}, std::move(purpose), 0});
}

NodeId PlanBuilder::data(Shape shape, std::vector<double> values) {
  if (!all_positive(shape) || numel(shape) != static_cast<double>(values.size()))
    return fail(fmt::format("data: {} values do not fill the shape {}", values.size(), text(shape)));
  if (const auto bad = std::find_if_not(values.begin(), values.end(), fits); bad != values.end())
    return fail(fmt::format("data: value {} of {}, {:g}, is no finite 32-bit number", bad - values.begin() + 1,
                            values.size(), *bad));
  return add({Op::data, {}, std::move(shape), {}, std::move(values), {}, 0});
}

NodeId PlanBuilder::lincomb(std::vector<NodeId> terms, std::vector<double> coefs) {
  if (!valid(terms, "lincomb")) return 0;
  if (terms.empty() || terms.size() != coefs.size()) return fail("lincomb: needs one coefficient a term, and a term");
  if (const auto bad = std::find_if_not(coefs.begin(), coefs.end(), fits); bad != coefs.end())
    return fail(fmt::format("lincomb: coefficient {} of {}, {:g}, is no finite 32-bit number", bad - coefs.begin() + 1,
                            coefs.size(), *bad));
  for (const NodeId id : terms)
    if (plan_.node(id).shape != plan_.node(terms[0]).shape)
      return fail(fmt::format("lincomb: shapes {} and {} differ", text(plan_.node(terms[0]).shape),
                              text(plan_.node(id).shape)));
  Shape shape = plan_.node(terms[0]).shape;
  return add({Op::lincomb, std::move(terms), std::move(shape), {}, std::move(coefs), {}, 0});
}

NodeId PlanBuilder::wsum(NodeId weights, std::vector<NodeId> terms) {
  std::vector<NodeId> inputs{weights};
  inputs.insert(inputs.end(), terms.begin(), terms.end());
  if (!valid(inputs, "wsum")) return 0;
  if (terms.empty() || plan_.node(weights).shape != Shape{static_cast<int64_t>(terms.size())})
    return fail(fmt::format("wsum: {} terms need weights of shape [{}]", terms.size(), terms.size()));
  for (const NodeId id : terms)
    if (plan_.node(id).shape != plan_.node(terms[0]).shape) return fail("wsum: the terms differ in shape");
  Shape shape = plan_.node(terms[0]).shape;
  return add({Op::wsum, std::move(inputs), std::move(shape), {}, {}, {}, 0});
}

NodeId PlanBuilder::matmul(NodeId a, NodeId b, bool transpose_a, bool transpose_b) {
  if (!valid(std::array{a, b}, "matmul")) return 0;
  const Shape &x = plan_.node(a).shape, &y = plan_.node(b).shape;
  if (x.size() != 2 || y.size() != 2) return fail("matmul: both sides must be matrices");
  const int64_t rows = x[transpose_a ? 1 : 0], inner = x[transpose_a ? 0 : 1];
  const int64_t inner_b = y[transpose_b ? 1 : 0], cols = y[transpose_b ? 0 : 1];
  if (inner != inner_b) return fail(fmt::format("matmul: {} and {} do not meet", text(x), text(y)));
  return add({Op::matmul, {a, b}, {rows, cols}, {}, {}, {}, (transpose_a ? 1 : 0) + (transpose_b ? 2 : 0)});
}

NodeId PlanBuilder::mul(NodeId a, NodeId b) {
  if (!valid(std::array{a, b}, "mul")) return 0;
  auto shape = broadcast(plan_.node(a).shape, plan_.node(b).shape);
  if (!shape)
    return fail(fmt::format("mul: {} and {} do not broadcast", text(plan_.node(a).shape), text(plan_.node(b).shape)));
  return add({Op::mul, {a, b}, std::move(*shape), {}, {}, {}, 0});
}

NodeId PlanBuilder::gather(NodeId a, int64_t dim, std::vector<int64_t> index) {
  if (!valid(std::array{a}, "gather")) return 0;
  Shape shape = plan_.node(a).shape;
  if (dim < 0 || dim >= static_cast<int64_t>(shape.size()) || index.empty())
    return fail(fmt::format("gather: dimension {} of {}", dim, text(shape)));
  const int64_t size = shape[static_cast<size_t>(dim)];
  for (const int64_t i : index)
    if (i < 0 || i >= size)
      return fail(fmt::format("gather: index {} outside dimension {} of {}", i, dim, text(shape)));
  shape[static_cast<size_t>(dim)] = static_cast<int64_t>(index.size());
  return add({Op::gather, {a}, std::move(shape), std::move(index), {}, {}, dim});
}

NodeId PlanBuilder::slice(NodeId a, int64_t dim, int64_t begin, int64_t end) {
  if (!valid(std::array{a}, "slice")) return 0;
  Shape shape = plan_.node(a).shape;
  if (dim < 0 || dim >= static_cast<int64_t>(shape.size()) || begin < 0 || begin >= end ||
      end > shape[static_cast<size_t>(dim)])
    return fail(fmt::format("slice: [{}, {}) of dimension {} of {}", begin, end, dim, text(shape)));
  shape[static_cast<size_t>(dim)] = end - begin;
  return add({Op::slice, {a}, std::move(shape), {begin, end}, {}, {}, dim});
}

NodeId PlanBuilder::concat(int64_t dim, std::vector<NodeId> parts) {
  if (!valid(parts, "concat")) return 0;
  if (parts.empty()) return fail("concat: nothing to join");
  Shape shape = plan_.node(parts[0]).shape;
  if (dim < 0 || dim >= static_cast<int64_t>(shape.size()))
    return fail(fmt::format("concat: dimension {} of {}", dim, text(shape)));
  const auto d = static_cast<size_t>(dim);
  shape[d] = 0;
  for (const NodeId id : parts) {
    Shape part = plan_.node(id).shape, rest = shape;
    if (part.size() != rest.size()) return fail("concat: the parts differ in rank");
    rest[d] = part[d];
    if (part != rest)
      return fail(fmt::format("concat: {} and {} differ outside dimension {}", text(part), text(rest), dim));
    shape[d] += part[d];
  }
  return add({Op::concat, std::move(parts), std::move(shape), {}, {}, {}, dim});
}

NodeId PlanBuilder::permute(NodeId a, std::vector<int64_t> dims) {
  if (!valid(std::array{a}, "permute")) return 0;
  const Shape& old = plan_.node(a).shape;
  Shape sorted = dims, shape;
  std::sort(sorted.begin(), sorted.end());
  Shape all(old.size());
  std::iota(all.begin(), all.end(), 0);
  if (sorted != all) return fail(fmt::format("permute: {} is no order of the dimensions of {}", text(dims), text(old)));
  for (const int64_t d : dims) shape.push_back(old[static_cast<size_t>(d)]);
  return add({Op::permute, {a}, std::move(shape), std::move(dims), {}, {}, 0});
}

NodeId PlanBuilder::reshape(NodeId a, Shape shape) {
  if (!valid(std::array{a}, "reshape")) return 0;
  if (!all_positive(shape) || numel(shape) != numel(plan_.node(a).shape))
    return fail(fmt::format("reshape: {} to {}", text(plan_.node(a).shape), text(shape)));
  return add({Op::reshape, {a}, std::move(shape), {}, {}, {}, 0});
}

NodeId PlanBuilder::learned(std::string name, NodeId init) {
  if (!valid(std::array{init}, "learned")) return 0;
  if (name.empty()) return fail("learned: a leaf needs a name");
  if (plan_.node(init).reads_old)
    return fail(fmt::format("learned: the initial value of '{}' reads old parameters", name));
  if (!leaf_names_.insert(name).second) return fail(fmt::format("learned: '{}' exists already", name));
  Shape shape = plan_.node(init).shape;
  return add({Op::learned, {init}, std::move(shape), {}, {}, std::move(name), 0});
}

bool PlanBuilder::learn(const Learning& l) {
  if (plan_.learning) return fail("learn: called twice") != 0;
  const auto fraction = [](double value) { return value >= 0 && value < 1; };
  if (l.steps < 1 || l.warmup < 0 || l.warmup > l.steps || !(l.lr > 0) || !(l.weight_decay >= 0) || !(l.eps > 0) ||
      !fraction(l.beta1) || !fraction(l.beta2) || !(l.max_norm >= 0) || !std::isfinite(l.lr + l.weight_decay))
    return fail(fmt::format("learn: {} steps, {} of warm-up, learning rate {:g}, weight decay {:g}, betas {:g} {:g}, "
                            "eps {:g}, max norm {:g}",
                            l.steps, l.warmup, l.lr, l.weight_decay, l.beta1, l.beta2, l.eps, l.max_norm)) != 0;
  plan_.learning = l;
  return problem_.empty();
}

bool PlanBuilder::assign(const std::string& new_param, NodeId value, uint32_t moments) {
  const auto it = new_params_.find(new_param);
  if (it == new_params_.end()) {
    if (tied_ && new_param == "lm_head.weight")
      fail("assign: 'lm_head.weight' is tied to 'embed.weight'; assign the embedding only");
    else
      fail(fmt::format("assign: the new model has no parameter '{}'{}", new_param, suggest(new_param, new_params_)));
    return false;
  }
  if (!valid(std::array{value}, "assign")) return false;
  const Shape& shape = plan_.node(value).shape;
  if (shape != it->second.shape)
    return fail(fmt::format("assign: '{}' is {} but its expression is {}", new_param, text(it->second.shape),
                            text(shape))) != 0;
  if (moments > 3) return fail(fmt::format("assign: {} is no moment policy", moments)) != 0;
  auto& slot = plan_.assignments[new_param];
  if (slot.value != 0) return fail(fmt::format("assign: '{}' is assigned twice", new_param)) != 0;
  slot.value = value;
  slot.moments = static_cast<Moments>(moments);
  return true;
}

bool PlanBuilder::assign_moment(const std::string& new_param, uint32_t what, NodeId value) {
  const auto it = new_params_.find(new_param);
  if (it == new_params_.end()) return fail(fmt::format("assign_moment: no parameter '{}'", new_param)) != 0;
  if (!valid(std::array{value}, "assign_moment")) return false;
  if (what < 1 || what > 3) return fail("assign_moment: names exp_avg (1), exp_avg_sq (2) or the gradient (3)") != 0;
  if (plan_.node(value).shape != it->second.shape)
    return fail(fmt::format("assign_moment: '{}' is {}, its {} {}", new_param, text(it->second.shape),
                            what == 3 ? "gradient" : "moment", text(plan_.node(value).shape))) != 0;
  auto& slot = plan_.assignments[new_param];
  NodeId& moment = what == 1 ? slot.exp_avg : what == 2 ? slot.exp_avg_sq : slot.gradient;
  if (moment != 0) return fail(fmt::format("assign_moment: a moment of '{}' is assigned twice", new_param)) != 0;
  moment = value;
  return true;
}

bool PlanBuilder::expect_preserving(double tol) {
  if (!(tol >= 0) || !std::isfinite(tol)) return fail("expect_preserving: the tolerance must be a number >= 0") != 0;
  plan_.preserving_tol = tol;
  return problem_.empty();
}

// What is wrong with an assignment as a whole; empty where nothing is.
std::string PlanBuilder::problem_of(const std::string& name, const Assignment& slot) const {
  const bool has_moments = slot.exp_avg != 0 || slot.exp_avg_sq != 0;
  if (slot.moments != Moments::custom && has_moments)
    return fmt::format("'{}' has assigned moments but not the custom policy", name);
  if (slot.moments != Moments::like_gradient && slot.gradient != 0)
    return fmt::format("'{}' has an assigned gradient but not the policy like_gradient", name);
  const Form form = plan_.node(slot.value).form;
  switch (slot.moments) {
    case Moments::zero:
      return {};
    case Moments::custom:
      return slot.exp_avg == 0 || slot.exp_avg_sq == 0
                 ? fmt::format("'{}' has custom moments but not both are assigned", name)
                 : "";
    case Moments::map:
      return form == Form::nonlinear
                 ? fmt::format(
                       "'{}' multiplies two old parameters, so its moments cannot be mapped (assign ZERO or "
                       "CUSTOM)",
                       name)
                 : "";
    case Moments::like_gradient:
      if (slot.gradient != 0)
        return plan_.node(slot.gradient).form == Form::nonlinear
                   ? fmt::format("the gradient of '{}' multiplies two old ones", name)
                   : "";
      return form > Form::product
                 ? fmt::format(
                       "'{}' mixes old values, so its gradient does not follow from its expression (assign the "
                       "gradient too, or ZERO or CUSTOM)",
                       name)
                 : "";
  }
  return {};
}

// The name of a leaf that no parameter depends on, which could not learn.
std::string PlanBuilder::unused_leaf() const {
  if (leaf_names_.empty()) return {};
  const std::vector<bool> needed = needed_nodes(plan_);
  for (size_t i = 0; i < needed.size(); ++i)
    if (plan_.nodes[i].op == Op::learned && !needed[i]) return plan_.nodes[i].text;
  return {};
}

Plan PlanBuilder::finish(const std::string& who) {
  for (const auto& [name, info] : new_params_) {
    const auto it = plan_.assignments.find(name);
    const std::string why = it == plan_.assignments.end() || it->second.value == 0
                                ? fmt::format("the plan assigns nothing to '{}'", name)
                                : problem_of(name, it->second);
    if (why.empty()) continue;
    fail(why);
    break;
  }
  if (!leaf_names_.empty() && !plan_.learning) fail("it has learned leaves, but nothing says how they learn");
  if (leaf_names_.empty() && plan_.learning) fail("it says how leaves learn, but has none");
  if (const std::string leaf = unused_leaf(); !leaf.empty())
    fail(fmt::format("no parameter depends on the learned leaf '{}'", leaf));
  if (!problem_.empty())
    throw Error(ErrorCode::plugin, "the growth plan is invalid: " + problem_, who,
                "nothing was changed; this is a defect of the plugin");
  return std::move(plan_);
}

}  // namespace espalier::growth
