// A growth plan under construction: expressions over the old model's parameters, assigned to the new model's.
#pragma once

#include <espalier/cpp/arch.hpp>
#include <espalier/cpp/host.hpp>

#include <string_view>
#include <vector>

namespace espalier::sdk {

class Plan;

/// What becomes of the optimizer's moments of a new parameter.
enum class Moments : std::uint32_t {
  kZero = ESP_MOMENTS_ZERO,      ///< fresh state, step 0
  kMap = ESP_MOMENTS_MAP,        ///< the weight's expression, squared coefficients for exp_avg_sq
  kCustom = ESP_MOMENTS_CUSTOM,  ///< as given by Plan::assign_moment for both moments
  /// As a gradient moves: as given by Plan::assign_gradient, or found by the host from the weight's expression. Needs a
  /// class with min_host_minor = kMinorOfLikeGradient.
  kLikeGradient = ESP_MOMENTS_LIKE_GRADIENT,
};

constexpr std::uint32_t kMinorOfLikeGradient = 3;  ///< the first host minor that has Moments::kLikeGradient

/// Which tensor of an old parameter to read.
enum class What : std::uint32_t {
  kWeight = ESP_WHAT_WEIGHT,
  kExpAvg = ESP_WHAT_EXP_AVG,
  kExpAvgSq = ESP_WHAT_EXP_AVG_SQ,
};

/// The operator phase of a plan with learned leaves: AdamW on the leaves alone.
struct Learning {
  enum class Shape : std::uint32_t {
    kConstant = ESP_LEARNING_CONSTANT,
    kLinear = ESP_LEARNING_LINEAR,  ///< after the warm-up, to 0 at the end of the phase
    kCosine = ESP_LEARNING_COSINE,
  };
  std::uint64_t steps = 0, warmup = 0;
  Shape shape = Shape::kConstant;
  double lr = 0, weight_decay = 0, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, max_norm = 1;
};

/// A node of a plan: a tensor that the host will compute. Cheap to copy; valid while its plan is.
class Expr {
 public:
  Expr(const Plan* plan, esp_expr id) : plan_(plan), id_(id) {}

  esp_expr id() const { return id_; }
  const Plan& plan() const { return *plan_; }

  /// Picks slices along `dim` by index, repeats allowed.
  Expr gather(std::int32_t dim, Span<const std::int64_t> index) const;
  /// [begin, end) along `dim`.
  Expr slice(std::int32_t dim, std::int64_t begin, std::int64_t end) const;
  Expr permute(Span<const std::int32_t> dims) const;
  Expr reshape(Span<const std::int64_t> shape) const;

 private:
  const Plan* plan_;
  esp_expr id_;
};

/// Builder over the host's esp_plan. Every member throws Error where the host refuses (the host keeps the exact reason)
/// or lacks the operation. Used by the driver thread, during plan() only.
class Plan {
 public:
  Plan(const Host& host, const esp_plan* raw) : host_(host), table_(sized_copy(raw)) {}
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  Expr src(const Param& old_param, What what = What::kWeight) const {
    return made("src", slot(table_.src, "src")(table_.impl, str(old_param.name()), static_cast<std::uint32_t>(what)));
  }
  /// Every element equal to `value`.
  Expr full(Span<const std::int64_t> shape, double value) const {
    return made("full", slot(table_.full, "full")(table_.impl, rank(shape), shape.data(), value));
  }
  /// Normal numbers with mean 0, a pure function of (run seed, purpose, element).
  Expr normal(Span<const std::int64_t> shape, double std, std::string_view purpose) const {
    return made("normal", slot(table_.normal, "normal")(table_.impl, rank(shape), shape.data(), std, str(purpose)));
  }
  /// A small constant, row-major; copied. REQUIRES: as many values as the shape holds.
  Expr data(Span<const std::int64_t> shape, Span<const double> values) const {
    std::int64_t count = 1;
    for (const std::int64_t size : shape) count *= size;
    if (count != static_cast<std::int64_t>(values.size())) {
      throw invalid("plan.data: ", values.size(), " values for a shape that holds ", count);
    }
    return made("data", slot(table_.data, "data")(table_.impl, rank(shape), shape.data(), values.data()));
  }
  /// A trainable leaf that starts at `init`; it is trained as learn() says.
  Expr learned(std::string_view name, Expr init) const {
    return made("learned", slot(table_.learned, "learned")(table_.impl, str(name), init.id()));
  }
  /// sum_i coefs[i] * terms[i]
  Expr lincomb(const std::vector<Expr>& terms, Span<const double> coefs) const {
    if (terms.size() != coefs.size()) {
      throw invalid("plan.lincomb: ", terms.size(), " terms, ", coefs.size(), " coefficients");
    }
    return made("lincomb", slot(table_.lincomb, "lincomb")(table_.impl, count(terms), ids(terms).data(), coefs.data()));
  }
  /// sum_i weights[i] * terms[i], with the weights a one-dimensional node.
  Expr wsum(Expr weights, const std::vector<Expr>& terms) const {
    return made("wsum", slot(table_.wsum, "wsum")(table_.impl, weights.id(), count(terms), ids(terms).data()));
  }
  Expr matmul(Expr a, Expr b, bool transpose_a = false, bool transpose_b = false) const {
    return made("matmul", slot(table_.matmul, "matmul")(table_.impl, a.id(), b.id(), transpose_a, transpose_b));
  }
  /// Element-wise product with broadcasting.
  Expr mul(Expr a, Expr b) const { return made("mul", slot(table_.mul, "mul")(table_.impl, a.id(), b.id())); }
  Expr concat(std::int32_t dim, const std::vector<Expr>& parts) const {
    return made("concat", slot(table_.concat, "concat")(table_.impl, dim, count(parts), ids(parts).data()));
  }
  Expr gather(Expr a, std::int32_t dim, Span<const std::int64_t> index) const {
    return made("gather", slot(table_.gather, "gather")(table_.impl, a.id(), dim, index.data(), index.size()));
  }
  Expr slice(Expr a, std::int32_t dim, std::int64_t begin, std::int64_t end) const {
    return made("slice", slot(table_.slice, "slice")(table_.impl, a.id(), dim, begin, end));
  }
  Expr permute(Expr a, Span<const std::int32_t> dims) const {
    return made("permute", slot(table_.permute, "permute")(table_.impl, a.id(), rank(dims), dims.data()));
  }
  Expr reshape(Expr a, Span<const std::int64_t> shape) const {
    return made("reshape", slot(table_.reshape, "reshape")(table_.impl, a.id(), rank(shape), shape.data()));
  }

  /// Gives a parameter of the larger model its value. Each one exactly once.
  void assign(const Param& new_param, Expr value, Moments moments) const {
    if (moments == Moments::kLikeGradient && host_.abi_minor() < kMinorOfLikeGradient) {
      throw unimplemented("this host (minor ", host_.abi_minor(),
                          ") cannot carry moments like gradients: that needs host minor ", kMinorOfLikeGradient);
    }
    done("assign", slot(table_.assign, "assign")(table_.impl, str(new_param.name()), value.id(),
                                                 static_cast<std::uint32_t>(moments)));
  }
  /// With Moments::kCustom: one of the two moments.
  void assign_moment(const Param& new_param, What what, Expr value) const {
    done("assign_moment", slot(table_.assign_moment, "assign_moment")(table_.impl, str(new_param.name()),
                                                                      static_cast<std::uint32_t>(what), value.id()));
  }
  /// With Moments::kLikeGradient: how the gradient follows from those of the old parameters. Each weight that
  /// `gradient` reads stands for its gradient.
  void assign_gradient(const Param& new_param, Expr gradient) const {
    done("assign_gradient", slot(table_.assign_moment, "assign_moment")(table_.impl, str(new_param.name()),
                                                                        ESP_WHAT_GRADIENT, gradient.id()));
  }
  /// This plan keeps the logits within `tolerance` (absolute, fp32); the host verifies it.
  void expect_preserving(double tolerance) const {
    done("expect_preserving", slot(table_.expect_preserving, "expect_preserving")(table_.impl, tolerance));
  }
  /// How the learned leaves are trained: an operator phase of `learning.steps` steps, at the start of the new stage.
  void learn(const Learning& learning) const {
    esp_learning plain{};
    plain.struct_size = sizeof(esp_learning);
    plain.shape = static_cast<std::uint32_t>(learning.shape);
    plain.steps = learning.steps;
    plain.warmup = learning.warmup;
    plain.lr = learning.lr, plain.weight_decay = learning.weight_decay, plain.eps = learning.eps;
    plain.beta1 = learning.beta1, plain.beta2 = learning.beta2, plain.max_norm = learning.max_norm;
    done("learn", slot(table_.learn, "learn")(table_.impl, &plain));
  }

 private:
  static constexpr std::uint32_t kMinorOfAllSlots = 1;  // a slot appended later brings its own number

  template <class Function>
  Function slot(Function function, const char* name) const {
    if (function == nullptr) {
      throw unimplemented("this host (minor ", host_.abi_minor(), ") has no plan.", name, ": it needs host minor ",
                          kMinorOfAllSlots);
    }
    return function;
  }
  Expr made(const char* name, esp_expr id) const {
    if (id == 0) throw invalid("the host refused plan.", name);
    return Expr(this, id);
  }
  static void done(const char* name, esp_status status) {
    if (status != ESP_OK) throw Error(status, cat("the host refused plan.", name));
  }
  template <class Item>
  static std::int32_t rank(Span<Item> shape) {
    return static_cast<std::int32_t>(shape.size());
  }
  static std::uint32_t count(const std::vector<Expr>& items) { return static_cast<std::uint32_t>(items.size()); }
  static std::vector<esp_expr> ids(const std::vector<Expr>& items) {
    std::vector<esp_expr> out;
    for (const Expr& item : items) out.push_back(item.id());
    return out;
  }

  const Host& host_;
  esp_plan table_;
};

inline Expr Expr::gather(std::int32_t dim, Span<const std::int64_t> index) const {
  return plan_->gather(*this, dim, index);
}
inline Expr Expr::slice(std::int32_t dim, std::int64_t begin, std::int64_t end) const {
  return plan_->slice(*this, dim, begin, end);
}
inline Expr Expr::permute(Span<const std::int32_t> dims) const {
  return plan_->permute(*this, dims);
}
inline Expr Expr::reshape(Span<const std::int64_t> shape) const {
  return plan_->reshape(*this, shape);
}

inline Expr operator+(Expr a, Expr b) {
  return a.plan().lincomb({a, b}, {1.0, 1.0});
}
inline Expr operator-(Expr a, Expr b) {
  return a.plan().lincomb({a, b}, {1.0, -1.0});
}
inline Expr operator*(double coef, Expr a) {
  return a.plan().lincomb({a}, {coef});
}
/// Element-wise.
inline Expr operator*(Expr a, Expr b) {
  return a.plan().mul(a, b);
}

}  // namespace espalier::sdk
