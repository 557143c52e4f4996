// What is kept of a plan: canonical bytes, hash, price and lineage.
#include <algorithm>
#include <bit>
#include <set>

#include "core/base/file.h"
#include "core/growth/plan.h"

namespace espalier::growth {
namespace {

// Little-endian, fixed width: the same plan gives the same bytes on every machine.
class Bytes {
 public:
  void put(uint64_t value) {
    for (int i = 0; i < 8; ++i) out += static_cast<char>(value >> (8 * i) & 0xFF);
  }
  void put(double value) { put(std::bit_cast<uint64_t>(value)); }
  void put(const std::string& value) {
    put(uint64_t{value.size()});
    out += value;
  }
  template <class T>
  void put_all(const std::vector<T>& values) {
    put(uint64_t{values.size()});
    for (const T& value : values) {
      if constexpr (std::is_same_v<T, double>)
        put(value);
      else
        put(static_cast<uint64_t>(value));
    }
  }
  std::string out;
};

double numel(const std::vector<int64_t>& shape) {
  double total = 1;
  for (const int64_t n : shape) total *= static_cast<double>(n);
  return total;
}

// Multiply-adds of one node, in FLOPs. Copies move bytes, they compute nothing.
double node_flops(const Plan& plan, const Node& node) {
  const double size = numel(node.shape);
  switch (node.op) {
    case Op::matmul:
      return 2 * size * static_cast<double>(plan.node(node.inputs[0]).shape[node.dim & 1 ? 0 : 1]);
    case Op::lincomb:
      return 2 * size * static_cast<double>(node.inputs.size());
    case Op::wsum:
      return 2 * size * static_cast<double>(node.inputs.size() - 1);
    case Op::mul:
      return size;
    default:
      return 0;
  }
}

}  // namespace

std::string canonical_bytes(const Plan& plan) {
  Bytes bytes;
  bytes.put(std::string("espalier-plan-0"));
  bytes.put(uint64_t{plan.nodes.size()});
  for (const Node& node : plan.nodes) {
    bytes.put(static_cast<uint64_t>(node.op));
    bytes.put_all(node.inputs);
    bytes.put_all(node.shape);
    bytes.put_all(node.ints);
    bytes.put_all(node.reals);
    bytes.put(node.text);
    bytes.put(static_cast<uint64_t>(node.dim));
  }
  bytes.put(uint64_t{plan.assignments.size()});
  for (const auto& [name, slot] : plan.assignments) {
    bytes.put(name);
    const NodeId first = slot.moments == Moments::like_gradient ? slot.gradient : slot.exp_avg;
    bytes.put_all(std::vector<uint64_t>{slot.value, static_cast<uint64_t>(slot.moments), first, slot.exp_avg_sq});
  }
  bytes.put(plan.preserving_tol.value_or(-1.0));
  if (plan.learning) {
    const Learning& l = *plan.learning;
    bytes.put_all(std::vector<int64_t>{l.steps, l.warmup, static_cast<int64_t>(l.shape)});
    bytes.put_all(std::vector<double>{l.lr, l.weight_decay, l.beta1, l.beta2, l.eps, l.max_norm});
  }
  return bytes.out;
}

std::string plan_hash(const Plan& plan) {
  return sha256_bytes(canonical_bytes(plan));
}

double plan_flops(const Plan& plan) {
  const std::vector<bool> needed = needed_nodes(plan);
  double total = 0;
  for (size_t i = 0; i < needed.size(); ++i)
    if (needed[i]) total += node_flops(plan, plan.nodes[i]);
  return total;
}

double expansion_step_flops(const Plan& plan) {
  const std::vector<bool> needed = needed_nodes(plan);
  std::vector<bool> learned;  // by node: a leaf's gradient goes through it
  const auto goes_through = [&](NodeId id) { return static_cast<bool>(learned[id - 1]); };
  double total = plan_flops(plan);
  for (const Node& node : plan.nodes) {
    const auto through = std::count_if(node.inputs.begin(), node.inputs.end(), goes_through);
    learned.push_back(node.op == Op::learned || through > 0);
    if (!needed[learned.size() - 1]) continue;
    const double flops = node_flops(plan, node);
    if (node.op == Op::matmul || node.op == Op::mul) {
      total += flops * static_cast<double>(through);
    } else if (node.op == Op::lincomb) {
      total += flops * static_cast<double>(through) / static_cast<double>(node.inputs.size());
    } else if (node.op == Op::wsum) {
      const double weights = goes_through(node.inputs[0]) ? 1 : 0;
      total +=
          flops * (weights + (static_cast<double>(through) - weights) / static_cast<double>(node.inputs.size() - 1));
    }
  }
  return total;
}

std::map<std::string, std::vector<std::string>> plan_sources(const Plan& plan) {
  std::map<std::string, std::vector<std::string>> out;
  std::vector<size_t> seen(plan.nodes.size(), 0);  // by node: number of the last assignment that visited it
  size_t visit = 0;
  for (const auto& [name, slot] : plan.assignments) {
    ++visit;
    std::set<std::string> names;
    std::vector<NodeId> open{slot.value};
    while (!open.empty()) {
      const NodeId id = open.back();
      open.pop_back();
      if (id == 0 || seen[id - 1] == visit) continue;
      seen[id - 1] = visit;
      const Node& node = plan.node(id);
      if (node.op == Op::src) names.insert(node.text);
      open.insert(open.end(), node.inputs.begin(), node.inputs.end());
    }
    out[name] = {names.begin(), names.end()};
  }
  return out;
}

}  // namespace espalier::growth
