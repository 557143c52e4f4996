// A growth plan: every parameter of the larger model as an expression over the smaller one. Pure data: checked, priced,
// hashed and stored without a tensor in sight (core/growth/execute.h runs it).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/model/spec.h"

namespace espalier::growth {

enum class Op : uint8_t {
  src,
  full,
  normal,
  data,
  lincomb,
  wsum,
  matmul,
  mul,
  gather,
  slice,
  concat,
  permute,
  reshape,
  learned
};
enum class What : uint32_t { weight = 0, exp_avg = 1, exp_avg_sq = 2 };
enum class Moments : uint32_t { zero = 0, map = 1, custom = 2, like_gradient = 3 };

// How the values of a node follow from old weights. Each form is a case of the next one.
enum class Form : uint8_t {
  constant,  // not at all
  copies,    // each value is at most one old value times a constant
  product,   // constant matrices times copies, in any order and shape
  mixed,     // linear otherwise: an old value may meet another one
  nonlinear
};

using NodeId = uint32_t;  // index + 1 in Plan::nodes; 0 is "none"

struct Node {
  Op op;
  std::vector<NodeId> inputs;
  std::vector<int64_t> shape;  // of the result, inferred when the node is made
  std::vector<int64_t> ints;   // gather: index; slice: begin, end; permute: dims
  std::vector<double> reals;   // full: value; normal: std; data: values; lincomb: coefficients
  std::string text;            // src: parameter name; normal: purpose; learned: name
  int64_t dim = 0;             // gather, slice, concat; matmul: transpose_a + 2 * transpose_b; src: What
  // Facts that follow from the inputs, found once when the node is made; no part of the canonical bytes.
  Form form = Form::constant;
  bool reads_old = false;  // some tensor of an old parameter is below it, its moments included
};

struct Assignment {
  NodeId value = 0;
  Moments moments = Moments::zero;
  NodeId exp_avg = 0, exp_avg_sq = 0;  // custom moments
  NodeId gradient = 0;  // like_gradient: the gradient over those of the old parameters; 0: found from `value`
};

// How the learned leaves are trained before the plan is folded into the new model: AdamW on the leaves alone, in the
// first steps of the new stage (the operator phase).
struct Learning {
  enum class Shape : uint32_t { constant, linear, cosine };
  int64_t steps = 0, warmup = 0;
  Shape shape = Shape::constant;
  double lr = 0, weight_decay = 0, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, max_norm = 0;

  double lr_at(int64_t step) const;  // of the step after `step` finished ones
};

struct Plan {
  std::vector<Node> nodes;
  std::map<std::string, Assignment> assignments;  // by new parameter
  std::optional<double> preserving_tol;
  std::optional<Learning> learning;  // set if and only if some node is learned

  const Node& node(NodeId id) const { return nodes[id - 1]; }
};

// Builds a plan and checks it as it goes: shapes and facts are inferred at each node. The first failure is kept and
// makes every later call return 0; finish() throws it as Error(plugin).
class PlanBuilder {
 public:
  static constexpr size_t kMaxNodes = 1'000'000;       // 100 layers grown in width take about 30,000
  static constexpr size_t kMaxInputs = 16'000'000;     // of all nodes together
  static constexpr double kMaxValues = 1099511627776;  // 2^40, of one node

  PlanBuilder(const ModelSpec& from, const ModelSpec& to);

  NodeId src(const std::string& old_param, uint32_t what);
  NodeId full(std::vector<int64_t> shape, double value);
  NodeId normal(std::vector<int64_t> shape, double std, std::string purpose);
  NodeId data(std::vector<int64_t> shape, std::vector<double> values);
  NodeId lincomb(std::vector<NodeId> terms, std::vector<double> coefs);
  NodeId wsum(NodeId weights, std::vector<NodeId> terms);
  NodeId matmul(NodeId a, NodeId b, bool transpose_a, bool transpose_b);
  NodeId mul(NodeId a, NodeId b);
  NodeId gather(NodeId a, int64_t dim, std::vector<int64_t> index);
  NodeId slice(NodeId a, int64_t dim, int64_t begin, int64_t end);
  NodeId concat(int64_t dim, std::vector<NodeId> parts);
  NodeId permute(NodeId a, std::vector<int64_t> dims);
  NodeId reshape(NodeId a, std::vector<int64_t> shape);
  bool assign(const std::string& new_param, NodeId value, uint32_t moments);
  bool assign_moment(const std::string& new_param, uint32_t what, NodeId value);
  NodeId learned(std::string name, NodeId init);
  bool expect_preserving(double tol);
  bool learn(const Learning& learning);

  // The reason of the first failure; empty while all is well.
  const std::string& problem() const { return problem_; }
  // The complete plan. Throws Error(plugin, place = who) for a recorded failure or a new parameter left unassigned.
  Plan finish(const std::string& who);

 private:
  NodeId fail(std::string reason);
  NodeId add(Node node);
  bool valid(std::span<const NodeId> ids, const char* op);
  std::string problem_of(const std::string& name, const Assignment& slot) const;
  std::string unused_leaf() const;

  std::map<std::string, ParamInfo> old_params_, new_params_;
  bool tied_;
  Plan plan_;
  size_t num_inputs_ = 0;
  std::set<std::string> leaf_names_;
  std::string problem_;
};

// How a new node's values follow from old weights, given those of its inputs. O(inputs).
Form form_of(const Plan& plan, const Node& node);
// By node (id - 1): does some assignment need it? What is not needed is never computed.
std::vector<bool> needed_nodes(const Plan& plan);

// Canonical bytes of a plan (equal plans, equal bytes) and their SHA-256.
std::string canonical_bytes(const Plan& plan);
// The plan again, built and checked as the first one was. Throws Error(plugin, place = who) for bytes that are no plan
// from one model to the other.
Plan plan_of_bytes(std::string_view bytes, const ModelSpec& from, const ModelSpec& to, const std::string& who);
std::string plan_hash(const Plan& plan);
// Multiply-adds of the plan's matmuls and weighted sums, in FLOPs; of nodes that some assignment needs.
double plan_flops(const Plan& plan);
// The same for one step of learning: the new weights as a function of the leaves, and the leaves' gradients from those
// of the new weights. Nodes that no leaf reaches have no backward part.
double expansion_step_flops(const Plan& plan);
// "layers.7.attn.q.weight" -> the old parameters it is made of, for the manifest.
std::map<std::string, std::vector<std::string>> plan_sources(const Plan& plan);

}  // namespace espalier::growth
