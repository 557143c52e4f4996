// Growth in width, the expressions: every parameter of a wider model over the narrower one, under a WidthMap. A tensor
// that writes an axis is mapped by its producers' factors, one that reads it by its consumers' factors.
#pragma once

#include <espalier/cpp/layers.hpp>
#include <espalier/cpp/plan.hpp>
#include <espalier/cpp/roles.hpp>
#include <espalier/recipes/axis_map.hpp>

#include <algorithm>
#include <string>
#include <vector>

namespace espalier::sdk {

/// What the exact methods claim of their plans: the logits are equal but for the rounding of sums taken in another
/// order.
constexpr double kPreservingTolerance = 1e-3;

/// Where Widener::with_normal() adds noise.
enum class Where {
  kNewInputs,  ///< columns of consumed units that have no original
  kNew,        ///< rows and columns of units that have no original
};

/// Did norm_eps change by `ratio` with the step? Where the statistics of a norm do, only then is it exact.
inline bool scaled_eps(const Dims& from, const Dims& to, double ratio) {
  return std::abs(from.norm_eps * ratio - to.norm_eps) <= 1e-6 * to.norm_eps;
}

/// What a strategy may offer for the moments of parameters that grow.
inline std::vector<std::string> width_moments() {
  return {"like_gradient", "copy", "zero"};
}

/// The choice that the user wrote. "copy" is the weight's own expression.
inline Moments moments_named(const std::string& name) {
  if (name == "like_gradient") return Moments::kLikeGradient;
  return name == "copy" ? Moments::kMap : Moments::kZero;
}

/// How Widener treats what has no original, and the norms.
struct WidthRule {
  double norm_gain = 1;             ///< factor on the gains that are kept; gains of new dimensions are 1
  bool average_stream = false;      ///< new dimensions of the residual stream carry the mean of the old ones, else 0
  double init_std = 0.02;           ///< of inserted layers
  bool silent_layers = true;        ///< inserted layers add nothing yet: attn.o and mlp.down are 0
  Moments moments = Moments::kMap;  ///< of parameters that change; all others keep theirs
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

  /// The gradient of `param` over that of layer `old_layer`'s, as it is where growth keeps the function: through what
  /// reads an axis comes back to a producer as `share` of it, a consumer sees the old unit's value in every copy, and a
  /// gain gets what its larger input makes. 0 in the parts without an original: what they get does not follow from the
  /// old gradients.
  Expr gradient(const Param& param, std::int32_t old_layer) const {
    Expr out = plan_.src(from_.find_like(param, old_layer));
    for (std::size_t dim = 0; dim < param.shape().size(); ++dim) {
      const AxisMap* axis = map_.find(param.axis(dim));
      if (axis == nullptr || !axis->changes()) continue;
      const Side side = side_of(param, dim);
      std::vector<double> factors;
      for (std::size_t i = 0; i < axis->size(); ++i) {
        double factor = 1;
        if (side == Side::kProduced) factor = axis->share[i] / axis->make[i];
        if (side == Side::kNorm && !as_head(param)) factor = axis->share[i];
        if (is_gain(param)) factor /= rule_.norm_gain;
        factors.push_back(axis->from[i] == kNoUnit ? 0 : factor);
      }
      out = picked(out, param, dim, *axis, factors);
    }
    return out;
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
      const LayerSource source = source_of(layers, param);
      if (source.is_copy) {
        plan_.assign(param, fresh(param), Moments::kZero);
      } else {
        assign_one(param, value(param, source.old_layer), [&] { return gradient(param, source.old_layer); });
      }
    }
  }

  /// Assigns one parameter with moments as the rule says; gradient() makes its gradient's expression where that is
  /// needed.
  template <class Gradient>
  void assign_one(const Param& param, Expr value, Gradient&& gradient) const {
    const Moments moments = changes(param) ? rule_.moments : Moments::kMap;
    plan_.assign(param, value, moments);
    if (moments == Moments::kLikeGradient) plan_.assign_gradient(param, gradient());
  }

 private:
  static bool is_gain(const Param& param) { return is_norm(param) && param.leaf() == "weight"; }
  /// With tied embeddings the final norm stands for the head, which cannot share out its input.
  bool as_head(const Param& param) const { return param.role() == "final_norm" && to_.is(ESP_ARCH_TIED); }

  /// Unit i of the result is unit axis.from[i] times factors[i]; the factor of a unit without an original is 0.
  Expr picked(Expr value, const Param& param, std::size_t dim, const AxisMap& axis,
              const std::vector<double>& factors) const {
    std::vector<std::int64_t> index;
    for (const std::int64_t unit : axis.from) index.push_back(unit == kNoUnit ? 0 : unit);
    const Expr out = value.gather(static_cast<std::int32_t>(dim), index);
    const bool plain = std::all_of(factors.begin(), factors.end(), [](double f) { return f == 1; });
    return plain ? out : out * along(param, dim, factors);
  }

  Expr mapped(Expr value, const Param& param, std::size_t dim, const AxisMap& axis) const {
    const Side side = side_of(param, dim);
    const bool gain = is_gain(param);
    std::vector<double> factors;
    for (std::size_t i = 0; i < axis.size(); ++i) {
      const bool orphan = axis.from[i] == kNoUnit;
      double factor = 1;
      if (side == Side::kProduced) factor = axis.make[i];
      if (side == Side::kConsumed || as_head(param)) factor = axis.use[i];
      if (gain) factor *= rule_.norm_gain;
      factors.push_back(orphan ? 0 : factor);
    }
    Expr out = picked(value, param, dim, axis, factors);
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
    if (vector || (rule_.silent_layers && writes_residual(param)))
      return plan_.full(param.shape(), is_gain(param) ? 1 : 0);
    return plan_.normal(param.shape(), rule_.init_std, param.name());
  }

  const Plan& plan_;
  const Arch& from_;
  const Arch& to_;
  WidthMap map_;
  WidthRule rule_;
};

}  // namespace espalier::sdk
