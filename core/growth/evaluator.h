// Values of a plan's nodes, and of their linear parts for the optimizer's moments.
#pragma once

#include <ATen/core/Tensor.h>

#include <unordered_map>
#include <vector>

#include "core/growth/execute.h"

namespace espalier::growth {

// What an evaluation computes of each node.
//   value: the node itself.
//   exp_avg: its linear part, with old weights replaced by their first moments. Constants vanish: a gradient does not
//     flow from them.
//   exp_avg_sq: the same on second moments, with every coefficient squared (cross terms between gradients are dropped,
//     as in Shen et al. 2022, staged training, section 3).
enum class Mode { value, exp_avg, exp_avg_sq };

// For one plan and one set of old weights and moments, all of which must outlive it. Nothing recurses, so a plan may be
// as deep as it has nodes. One thread.
class Evaluator {
 public:
  // `leaves`: values of learned nodes; one that is not there has its initial value. `seed` and `event` key the normal()
  // nodes.
  Evaluator(const Plan& plan, const ParamTable& params, const OptimState& state, const Leaves& leaves, uint64_t seed,
            int64_t event)
      : plan_(plan), params_(params), state_(state), leaves_(leaves), seed_(seed), event_(event) {}

  // The result may share storage with weights, moments, leaves and other results. A node that was announced by count()
  // is kept until its last evaluation, any other for ever. In the modes of moments the node must not be nonlinear.
  at::Tensor eval(NodeId id, Mode mode);
  // Announces one eval() of a node, with those that it makes in turn.
  void count(NodeId id, Mode mode);

  // Whether nobody else holds this tensor and no graph needs it, so that it may be written over.
  static bool reusable(const at::Tensor& tensor);

 private:
  // An input that a node needs, and of what kind.
  struct Read {
    NodeId node;
    Mode mode;
    size_t input;  // its place in Node::inputs
  };
  // A node whose inputs come in one after the other.
  struct Frame {
    NodeId id;
    Mode mode;
    bool last;  // nobody will ask for the result again
    std::vector<Read> reads;
    size_t next = 0;
    at::Tensor result;             // so far
    std::vector<at::Tensor> kept;  // inputs that wait for others
    int64_t filled = 0;            // concat: rows of the result that are there
  };

  std::vector<Read> reads(const Node& node, Mode mode) const;
  at::Tensor take(const Read& read, std::vector<Frame>& open);
  void accept(Frame& frame, at::Tensor input);
  void join(Frame& frame, const Node& node, const at::Tensor& part);
  at::Tensor finish(Frame& frame);
  at::Tensor leaf(const Node& node, Mode mode) const;
  at::Tensor moment(const std::string& name, Mode mode) const;
  at::TensorOptions options() const;

  const Plan& plan_;
  const ParamTable& params_;
  const OptimState& state_;
  const Leaves& leaves_;
  uint64_t seed_;
  int64_t event_;
  std::unordered_map<NodeId, at::Tensor> memo_[3];  // by mode
  std::unordered_map<NodeId, int64_t> uses_[3];     // evaluations to come
};

}  // namespace espalier::growth
