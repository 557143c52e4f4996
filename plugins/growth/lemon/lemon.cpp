// LEMON: lossless growth to any width and depth.
#include <espalier/recipes/new_layers.hpp>
#include <espalier/recipes/stages.hpp>
#include <espalier/recipes/width.hpp>
#include <espalier/sdk.hpp>

namespace sdk = espalier::sdk;

class Lemon final : public sdk::StagewiseGrowth {
 public:
  static constexpr std::uint32_t min_host_minor = sdk::kMinorOfLikeGradient;

  static void describe(sdk::Description<Lemon>& about) {
    about.id("org.espalier.growth.lemon").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("lossless growth to any width and depth: mean or zero expansion of the stream, uneven copies inside");
    about.url("https://arxiv.org/abs/2310.07999");
    about.citation("Wang et al., LEMON: Lossless Model Expansion, ICLR 2024");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    describe_stages(about);
    about
        .param("mapping", &Lemon::mapping_,
               "which head or hidden unit a new one copies: in turn, or from the run's seed")
        .choices({"circular", "random"});
    about.param("unevenness", &Lemon::unevenness_, "how far the shares of copies differ: weights 1 +- this; 0 = equal")
        .min(0)
        .max(0.9)
        .tunable();
    about.param("position", &Lemon::position_, "where new layers go").choices(sdk::insert_positions());
    about.param("init_std", &Lemon::init_std_, "standard deviation of weights that see only zeros, and of new layers")
        .min(0);
    about
        .param("moments", &Lemon::moments_,
               "optimizer moments of changed parameters: as gradients move, by the weight's expression, or fresh")
        .choices(sdk::width_moments());
  }

  void plan(sdk::Call& call, const sdk::Arch& from, const sdk::Arch& to, sdk::Plan& plan) override {
    const sdk::Dims before = from.dims(), after = to.dims();
    check_plan(before, after);
    const sdk::Rng rng = call.rng();
    const sdk::Choose inner = mapping_ == "random" ? sdk::random_choice(rng) : sdk::Choose(sdk::circular);
    const sdk::Weigh weigh = [&](std::size_t count, const char* what) {
      std::vector<double> weights = rng.uniform((std::string("share ") + what).c_str(), count, count);
      for (double& weight : weights) weight = 1 + unevenness_ * (2 * weight - 1);
      return weights;
    };
    sdk::WidthRule rule;
    // LayerNorm takes the mean in the new dimensions, RMSNorm zero. Either way the variance (mean
    // square) shrinks by d/D, which the gain and norm_eps take back, and the normed new dimensions are 0.
    rule.norm_gain = std::sqrt(width_ratio(before, after));
    rule.average_stream = from.is(ESP_ARCH_LAYERNORM);
    rule.init_std = init_std_;
    rule.moments = sdk::moments_named(moments_);
    const sdk::Widener wide(plan, from, to, sdk::map_width(before, after, sdk::padded, inner, weigh), rule);
    wide.assign(sdk::insert_layers(before.num_layers, after.num_layers - before.num_layers, position_),
                [&](const sdk::Param& param, std::int32_t old_layer) {
                  return wide.with_normal(wide.widened(param, old_layer), param, sdk::Where::kNewInputs, init_std_);
                });
    if (sdk::scaled_eps(before, after, width_ratio(before, after))) plan.expect_preserving(sdk::kPreservingTolerance);
  }

 protected:
  void check_step(const sdk::Dims& from, const sdk::Dims& to) const override { sdk::check_heads(from, to); }
  double eps_ratio(const sdk::Dims& from, const sdk::Dims& to) const override { return 1 / width_ratio(from, to); }

 private:
  static double width_ratio(const sdk::Dims& from, const sdk::Dims& to) {
    return static_cast<double>(from.d_model) / static_cast<double>(to.d_model);
  }

  std::string mapping_ = "circular", position_ = "interleaved", moments_ = "like_gradient";
  double unevenness_ = 0.5, init_std_ = 0.02;
};

ESPALIER_PLUGIN(Lemon);
