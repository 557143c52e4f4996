// Values of a plan's nodes, and of their linear parts for the optimizer's moments.
#pragma once

#include <ATen/core/Tensor.h>

#include <string>
#include <unordered_map>

#include "core/growth/execute.h"

namespace espalier::growth {

// What an evaluation computes of each node.
//   value: the node itself.
//   exp_avg: its linear part, with old weights replaced by their first moments. Constants vanish: a gradient does not
//     flow from them.
//   exp_avg_sq: the same on second moments, with every coefficient squared (cross terms between gradients are dropped,
//     as in Shen et al. 2022, staged training, section 3).
enum class Mode { value, exp_avg, exp_avg_sq };

// For one plan and one set of old weights and moments, all of which must outlive it. One thread.
class Evaluator {
 public:
  // `leaves`: values of learned nodes; one that is not there has its initial value. `seed` and `event` key the normal()
  // nodes, `who` is named in errors.
  Evaluator(const Plan& plan, const ParamTable& params, const OptimState& state, const Leaves& leaves, uint64_t seed,
            int64_t event, std::string who)
      : plan_(plan),
        params_(params),
        state_(state),
        leaves_(leaves),
        seed_(seed),
        event_(event),
        who_(std::move(who)) {}

  // The result may share storage with weights, moments, leaves and other results. A node that was announced by count()
  // is kept until its last evaluation, any other for ever. Throws Error(plugin) where moments cannot be mapped.
  at::Tensor eval(NodeId id, Mode mode);
  // Announces one eval() of a node, with those that it makes in turn.
  void count(NodeId id, Mode mode);

  // Whether nobody else holds this tensor and no graph needs it, so that it may be written over.
  static bool reusable(const at::Tensor& tensor);

  bool depends_on_weights(NodeId id) const;
  // Updates seen by the oldest of the parameters that a node is made of.
  int64_t source_step(NodeId id) const;

 private:
  at::Tensor value(const Node& node);
  at::Tensor linear(const Node& node, Mode mode);
  at::Tensor moment(const std::string& name, Mode mode) const;
  at::Tensor joined(const Node& node, Mode mode);
  [[noreturn]] void not_linear(const char* op) const;

  const Plan& plan_;
  const ParamTable& params_;
  const OptimState& state_;
  const Leaves& leaves_;
  uint64_t seed_;
  int64_t event_;
  std::string who_;
  std::unordered_map<NodeId, at::Tensor> memo_[3];  // by mode
  std::unordered_map<NodeId, int64_t> uses_[3];     // evaluations to come
};

}  // namespace espalier::growth
