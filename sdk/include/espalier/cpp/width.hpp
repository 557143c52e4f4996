// Growth in width, the expressions: every parameter of a wider model over the narrower one, under a WidthMap. A tensor
// that writes an axis is mapped by its producers' factors, one that reads it by its consumers' factors.
#pragma once

#include <espalier/cpp/axis_map.hpp>
#include <espalier/cpp/layers.hpp>
#include <espalier/cpp/plan.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace espalier::sdk {

/// What the exact methods claim of their plans: the logits are equal but for the rounding of sums taken in another
/// order.
constexpr double kPreservingTolerance = 1e-3;

/// How a parameter stands to one of its dimensions.
enum class Side {
  kFixed,     ///< a dimension that never grows: vocabulary, positions
  kProduced,  ///< outputs: rows of a linear weight, its bias, columns of the embeddings
  kConsumed,  ///< inputs: columns of a linear weight and of the head
  kNorm,      ///< scaled or shifted in place
};

inline Side side_of(const Param& param, std::size_t dim) {
  const std::string_view role = param.role();
  if (role == "norm1" || role == "norm2" || role == "final_norm") return Side::kNorm;
  if (role == "embed" || role == "pos_embed") return dim == 1 ? Side::kProduced : Side::kFixed;
  if (role == "lm_head") return dim == 1 ? Side::kConsumed : Side::kFixed;
  return dim == 0 ? Side::kProduced : Side::kConsumed;
}

/// Does the parameter write a block's branch back into the residual stream?
inline bool writes_branch(const Param& param) {
  return param.role() == "attn.o" || param.role() == "mlp.down";
}

/// Where Widener::with_normal() adds noise.
enum class Where {
  kNewInputs,  ///< columns of consumed units that have no original
  kNew,        ///< rows and columns of units that have no original
};

/// Did norm_eps change by `ratio` with the step? Where the statistics of a norm do, only then is it exact.
inline bool scaled_eps(const Dims& from, const Dims& to, double ratio) {
  return std::abs(from.norm_eps * ratio - to.norm_eps) <= 1e-6 * to.norm_eps;
}

/// How Widener treats what has no original, and the norms.
struct WidthRule {
  double norm_gain = 1;         ///< factor on the gains that are kept; gains of new dimensions are 1
  bool average_stream = false;  ///< new dimensions of the residual stream carry the mean of the old ones, else 0
  double init_std = 0.02;       ///< of inserted layers
  bool silent_layers = true;    ///< inserted layers add nothing yet: attn.o and mlp.down are 0
  bool copy_moments = true;     ///< else every parameter that changes starts with fresh moments
};

/// Builds the expressions of one plan. Valid while the plan is.
class Widener {
 public:
  Widener(const Plan& plan, const Arch& from, const Arch& to, WidthMap map, WidthRule rule)
      : plan_(plan), from_(from), to_(to), map_(std::move(map)), rule_(rule) {}

  const WidthMap& map() const { return map_; }

  /// `param` of the wider model from layer `old_layer` of the narrower one; new parts are 0 (gains of norms: 1). With
  /// tied embeddings the final norm takes the consumers' factors, since the head cannot.
  Expr widened(const Param& param, std::int32_t old_layer) const {
    Expr value = plan_.src(from_.find_like(param, old_layer));
    for (std::size_t dim = 0; dim < param.shape().size(); ++dim) {
      const AxisMap* axis = map_.find(param.axis(dim));
      if (axis != nullptr && axis->changes()) value = mapped(value, param, dim, *axis);
    }
    return value;
  }

  /// `value` plus normal numbers on the part that has no original. Vectors stay as they are.
  Expr with_normal(Expr value, const Param& param, Where where, double std) const {
    if (param.shape().size() < 2) return value;
    std::vector<std::pair<std::size_t, std::vector<double>>> marks;
    for (std::size_t dim = 0; dim < param.shape().size(); ++dim) {
      const AxisMap* axis = map_.find(param.axis(dim));
      if (axis == nullptr || (where == Where::kNewInputs && side_of(param, dim) != Side::kConsumed)) continue;
      std::vector<double> orphans = axis->orphans();
      if (std::find(orphans.begin(), orphans.end(), 1.0) != orphans.end()) marks.emplace_back(dim, std::move(orphans));
    }
    if (marks.empty()) return value;
    const Expr noise = plan_.normal(param.shape(), std, param.name());
    Expr outside = noise;  // what lies in no new row and no new column
    for (auto& [dim, marked] : marks) {
      for (double& mark : marked) mark = 1 - mark;
      outside = outside * along(param, dim, marked);
    }
    return (noise - outside) + value;  // exactly `value` outside: the difference is 0 there
  }

  /// A vector as a tensor that broadcasts along dimension `dim` of `param`.
  Expr along(const Param& param, std::size_t dim, const std::vector<double>& values) const {
    std::vector<std::int64_t> shape(param.shape().size(), 1);
    shape[dim] = static_cast<std::int64_t>(values.size());
    return plan_.data(shape, values);
  }

  /// Does growth alter the parameter, as opposed to moving it to another layer?
  bool changes(const Param& param) const {
    for (std::size_t dim = 0; dim < param.shape().size(); ++dim) {
      const AxisMap* axis = map_.find(param.axis(dim));
      if (axis != nullptr && axis->changes()) return true;
    }
    return false;
  }

  /// Assigns every parameter: value(param, old_layer) where layers[i] is an old layer or outside the blocks, and fresh
  /// normal weights, gains of 1 and biases of 0 in inserted layers.
  template <class Value>
  void assign(const std::vector<LayerSource>& layers, Value&& value) const {
    for (const Param& param : to_.params()) {
      const LayerSource source = param.in_block() ? layers[static_cast<std::size_t>(param.layer())] : LayerSource{-1};
      if (source.is_copy) {
        plan_.assign(param, fresh(param), Moments::kZero);
      } else {
        plan_.assign(param, value(param, source.old_layer),
                     rule_.copy_moments || !changes(param) ? Moments::kMap : Moments::kZero);
      }
    }
  }

 private:
  Expr mapped(Expr value, const Param& param, std::size_t dim, const AxisMap& axis) const {
    const Side side = side_of(param, dim);
    const bool gain = side == Side::kNorm && param.leaf() == "weight";
    const bool as_head = side == Side::kNorm && param.role() == "final_norm" && to_.is(ESP_ARCH_TIED);
    std::vector<std::int64_t> index;
    std::vector<double> factors;
    for (std::size_t i = 0; i < axis.size(); ++i) {
      const bool orphan = axis.from[i] == kNoUnit;
      double factor = 1;
      if (side == Side::kProduced) factor = axis.make[i];
      if (side == Side::kConsumed || as_head) factor = axis.use[i];
      if (gain) factor *= rule_.norm_gain;
      index.push_back(orphan ? 0 : axis.from[i]);
      factors.push_back(orphan ? 0 : factor);
    }
    Expr out = value.gather(static_cast<std::int32_t>(dim), index);
    if (!std::all_of(factors.begin(), factors.end(), [](double f) { return f == 1; })) {
      out = out * along(param, dim, factors);
    }
    if (gain) out = out + along(param, dim, axis.orphans());
    const bool averaged = rule_.average_stream && side == Side::kProduced && param.axis(dim) == "d_model";
    if (averaged) out = out + mean(value, param, dim, axis) * along(param, dim, axis.orphans());
    return out;
  }

  /// The mean over dimension `dim` of the old tensor, which has size 1 then.
  Expr mean(Expr old, const Param& param, std::size_t dim, const AxisMap& axis) const {
    const double share = 1.0 / static_cast<double>(axis.num_old);
    const Expr column = plan_.full({axis.num_old, std::int64_t{1}}, share);
    if (param.shape().size() == 1) {
      return plan_.matmul(old.reshape({std::int64_t{1}, axis.num_old}), column).reshape({std::int64_t{1}});
    }
    return dim == 0 ? plan_.matmul(column, old, true) : plan_.matmul(old, column);
  }

  Expr fresh(const Param& param) const {
    const bool vector = param.shape().size() == 1;
    const bool gain = vector && side_of(param, 0) == Side::kNorm && param.leaf() == "weight";
    if (vector || (rule_.silent_layers && writes_branch(param))) return plan_.full(param.shape(), gain ? 1 : 0);
    return plan_.normal(param.shape(), rule_.init_std, param.name());
  }

  const Plan& plan_;
  const Arch& from_;
  const Arch& to_;
  WidthMap map_;
  WidthRule rule_;
};

}  // namespace espalier::sdk
