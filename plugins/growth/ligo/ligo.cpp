// LiGO: every weight of the larger model is a learned linear map of the smaller model's weights.
#include <espalier/recipes/stages.hpp>

#include <map>

#include "operators.hpp"

namespace sdk = espalier::sdk;

class Ligo final : public sdk::StagewiseGrowth {
 public:
  static void describe(sdk::Description<Ligo>& about) {
    about.id("org.espalier.growth.ligo").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("learns a linear operator, factored into width and depth, that makes the larger model");
    about.url("https://arxiv.org/abs/2303.00980");
    about.citation("Wang et al., Learning to Grow Pretrained Models for Efficient Transformer Training, ICLR 2023");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    describe_stages(about);
    about.param("steps", &Ligo::steps_, "operator phase of each growth; 0: the operators stay as they start").min(0);
    about.param("lr", &Ligo::lr_, "learning rate of the operators").above(0).tunable();
    about.param("warmup", &Ligo::warmup_, "linear warm-up of the operator phase").min(0).unit("steps");
    about.param("lr_shape", &Ligo::lr_shape_, "after the warm-up").choices({"constant", "linear", "cosine"});
    about.param("weight_decay", &Ligo::weight_decay_, "decoupled decay of the operators").min(0);
    about.param("max_norm", &Ligo::max_norm_, "clips the gradient norm of the operators; 0: never").min(0);
    about.param("depth_init", &Ligo::depth_init_, "old layer that each new one starts from: l mod L1, or l L1 / L2")
        .choices({"stack", "interleave"});
    about.param("depth_noise", &Ligo::depth_noise_, "uniform noise on the depth coefficients before normalising")
        .min(0);
    about
        .param(
            "width_init", &Ligo::width_init_,
            "what a new unit starts as: an average of old ones, a copy of a random one, zero (where it is made; what "
            "reads it is an average, with an operator of its own), or normal weights")
        .choices({"average", "select", "zero", "normal"});
    about
        .param("tying", &Ligo::tying_,
               "operators of q, k, v and the MLP: one for all layers, or one for each new layer")
        .choices({"shared", "per_layer"});
    about.param("scale_norms", &Ligo::scale_norms_,
                "RMSNorm gains times sqrt(d/D) and eps times d/D, so that zero-padding the width changes nothing");
    about.param("moments", &Ligo::moments_, "optimizer moments: fresh, or the old ones through the operators")
        .choices({"zero", "map"});
  }

  void check(sdk::Call&) override {
    if (warmup_ > steps_) throw sdk::invalid("warmup ", warmup_, " is longer than the operator phase of ", steps_);
  }

  void plan(sdk::Call& call, const sdk::Arch& from, const sdk::Arch& to, sdk::Plan& plan) override {
    if (scale_norms_ && to.is(ESP_ARCH_LAYERNORM)) throw sdk::invalid("scale_norms needs RMSNorm");
    ligo::OperatorOptions options;
    options.depth_init = depth_init_, options.width_init = width_init_, options.depth_noise = depth_noise_;
    options.learned = steps_ > 0;
    ligo::Operators operators(call, plan, options);
    const Step step{from, to, plan, operators};
    std::map<std::string, sdk::Expr> stacks;
    for (const sdk::Param& param : to.params()) {
      sdk::Expr value = in_depth(step, param, stacks);
      value = in_width(step, param, value);
      if (scale_norms_ && sdk::is_norm(param) && param.leaf() == "weight") {
        value = std::sqrt(static_cast<double>(from.dims().d_model) / static_cast<double>(to.dims().d_model)) * value;
      }
      plan.assign(param, value, moments_ == "map" ? sdk::Moments::kMap : sdk::Moments::kZero);
    }
    if (steps_ > 0 && operators.any()) plan.learn(learning());
    if (steps_ == 0 && width_init_ == "select" && !from.dims().same_width(to.dims())) warn_of_twins(call);
  }

 private:
  struct Step {
    const sdk::Arch& from;
    const sdk::Arch& to;
    sdk::Plan& plan;
    ligo::Operators& operators;
  };

  double eps_ratio(const sdk::Dims& from, const sdk::Dims& to) const override {
    return scale_norms_ ? static_cast<double>(to.d_model) / static_cast<double>(from.d_model) : 1.0;
  }

  sdk::Learning learning() const {
    sdk::Learning out;
    out.steps = static_cast<std::uint64_t>(steps_), out.warmup = static_cast<std::uint64_t>(warmup_);
    out.lr = lr_, out.weight_decay = weight_decay_, out.max_norm = max_norm_, out.eps = 1e-6;
    if (lr_shape_ == "linear") out.shape = sdk::Learning::Shape::kLinear;
    if (lr_shape_ == "cosine") out.shape = sdk::Learning::Shape::kCosine;
    return out;
  }

  void warn_of_twins(sdk::Call& call) {
    if (warned_) return;
    warned_ = true;
    call.warning(
        "width_init = \"select\" with steps = 0 makes twins: a new unit and the one that it copies have equal "
        "weights on both sides, get equal gradients and stay equal; let the operators learn (steps), or take "
        "width_init = \"average\" or the plugin net2net, which adds noise");
  }

  /// W~_l = sum_j D[l, j] W_j, with coefficients of its own for each kind of weight and of bias (section 3.3). All old
  /// layers of a kind lie in one matrix, so that one product makes all the new ones. Depth first, then width: equal to
  /// the other order where the width operators are shared by the layers, and cheaper.
  sdk::Expr in_depth(const Step& step, const sdk::Param& param, std::map<std::string, sdk::Expr>& stacks) const {
    if (!param.in_block()) return step.plan.src(step.from.find_like(param, -1));
    const std::int64_t num_old = step.from.num_layers(), num_new = step.to.num_layers();
    if (num_old == num_new) return step.plan.src(step.from.find_like(param, param.layer()));
    const std::string kind = sdk::cat(param.role(), ".", param.leaf());
    const auto old_shape = step.from.find_like(param, 0).shape();
    const std::vector<std::int64_t> shape(old_shape.begin(), old_shape.end());
    auto found = stacks.find(kind);
    if (found == stacks.end()) {
      std::int64_t numel = 1;
      for (const std::int64_t size : shape) numel *= size;
      std::vector<sdk::Expr> rows;
      for (std::int32_t layer = 0; layer < num_old; ++layer) {
        rows.push_back(step.plan.reshape(step.plan.src(step.from.find_like(param, layer)), {1, numel}));
      }
      const sdk::Expr& coefficients = step.operators.depth("depth." + kind, num_old, num_new);
      found = stacks.emplace(kind, step.plan.matmul(coefficients, step.plan.concat(0, rows))).first;
    }
    return found->second.slice(0, param.layer(), param.layer() + 1).reshape(shape);
  }

  /// Every tensor that writes the residual stream has g_e on that side, every one that reads it too; an inner space has
  /// one operator, shared by those that produce it and those that consume it. On a side with num_new > num_old units:
  /// W <- [W ; R W] for producers, W <- [W , W R^T] for consumers, v <- [v ; R v].
  sdk::Expr in_width(const Step& step, const sdk::Param& param, sdk::Expr value) const {
    std::vector<std::int64_t> old_shape;
    for (const std::int64_t size : step.from.find_like(param, param.in_block() ? 0 : -1).shape()) {
      old_shape.push_back(size);
    }
    const std::vector<std::int64_t> new_shape(param.shape().begin(), param.shape().end());
    for (std::size_t dim = 0; dim < new_shape.size(); ++dim) {
      if (old_shape[dim] == new_shape[dim]) continue;
      const sdk::Expr& extra = width_operator(step, param, dim, old_shape[dim], new_shape[dim]);
      const auto axis = static_cast<std::int32_t>(dim);
      if (new_shape.size() == 1) {
        const sdk::Expr column = value.reshape({old_shape[0], 1});
        value = step.plan.concat(0, {value, step.plan.matmul(extra, column).reshape({new_shape[0] - old_shape[0]})});
      } else if (dim == 0) {
        value = step.plan.concat(axis, {value, step.plan.matmul(extra, value)});
      } else {
        value = step.plan.concat(axis, {value, step.plan.matmul(value, extra, false, true)});
      }
    }
    return value;
  }

  /// The operator of one side. With width_init "zero" those that make a new unit start at zero, and those that read it
  /// have an operator of their own which starts as averages: were both zero, neither would get a gradient, ever. A key
  /// meets a query, a gate its value and a gain its norm in a product, so they count as readers.
  const sdk::Expr& width_operator(const Step& step, const sdk::Param& param, std::size_t dim, std::int64_t num_old,
                                  std::int64_t num_new) const {
    const std::string name = operator_of(step, param, dim);
    if (width_init_ != "zero") return step.operators.width(name, num_old, num_new, ligo::Start::kAsChosen);
    const bool gain = sdk::is_norm(param) && param.leaf() == "weight";
    const bool factor = dim == 0 && (param.role() == "attn.k" || param.role() == "mlp.gate");
    if (gain || factor || sdk::side_of(param, dim) == sdk::Side::kConsumed) {
      return step.operators.width(name + ".in", num_old, num_new, ligo::Start::kAverage);
    }
    return step.operators.width(name, num_old, num_new, ligo::Start::kZero);
  }

  /// g_e for the residual stream, g_q g_k g_v for the heads, g_f for the MLP. attn.o consumes what v produces; where
  /// grouped-query attention makes the two spaces differ in size, it has an operator g_o of its own.
  std::string operator_of(const Step& step, const sdk::Param& param, std::size_t dim) const {
    const std::string_view axis = param.axis(dim), role = param.role();
    if (axis == "d_model") return "width.e";
    const auto of_layer = [&](std::string name) {
      return tying_ == "shared" ? name : sdk::cat(name, ".", param.layer());
    };
    if (axis == "d_ff") return of_layer("width.f");
    const auto grouped = [](const sdk::Dims& d) { return d.num_heads != d.num_kv_heads; };
    std::string name = "width." + std::string(role.substr(role.rfind('.') + 1));
    if (role == "attn.o" && !grouped(step.from.dims()) && !grouped(step.to.dims())) name = "width.v";
    return of_layer(name);
  }

  bool warned_ = false;  // plans are made more than once
  std::int64_t steps_ = 100, warmup_ = 0;
  double lr_ = 2e-4, weight_decay_ = 0.1, max_norm_ = 1.0, depth_noise_ = 0.03;
  std::string lr_shape_ = "constant", depth_init_ = "stack", width_init_ = "average", tying_ = "shared";
  std::string moments_ = "zero";
  bool scale_norms_ = false;
};

ESPALIER_PLUGIN(Ligo);
