// Net2Net: wider by copying units and dividing what they send on, deeper by identity layers.
#include <espalier/recipes/new_layers.hpp>
#include <espalier/recipes/stages.hpp>
#include <espalier/recipes/width.hpp>
#include <espalier/sdk.hpp>

namespace sdk = espalier::sdk;

class Net2Net final : public sdk::StagewiseGrowth {
 public:
  static constexpr std::uint32_t min_host_minor = sdk::kMinorOfLikeGradient;

  static void describe(sdk::Description<Net2Net>& about) {
    about.id("org.espalier.growth.net2net").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("wider by copies of units with noise (Net2WiderNet), deeper by identity layers (Net2DeeperNet)");
    about.url("https://arxiv.org/abs/1511.05641");
    about.citation("Chen, Goodfellow, Shlens, Net2Net: Accelerating Learning via Knowledge Transfer, ICLR 2016");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    describe_stages(about);
    about.param("mapping", &Net2Net::mapping_, "which unit a new one copies: in turn, or drawn from the run's seed")
        .choices({"circular", "random"});
    about
        .param("noise", &Net2Net::noise_,
               "standard deviation added to the incoming weights of copies; 0 = exact copies")
        .min(0)
        .tunable();
    about.param("position", &Net2Net::position_, "where identity layers go").choices(sdk::insert_positions());
    about.param("init_std", &Net2Net::init_std_, "standard deviation of the other weights of identity layers").above(0);
    about
        .param("moments", &Net2Net::moments_,
               "optimizer moments of changed parameters: as gradients move, by the weight's expression, or fresh")
        .choices(sdk::width_moments());
  }

  void plan(sdk::Call& call, const sdk::Arch& from, const sdk::Arch& to, sdk::Plan& plan) override {
    check_plan(from.dims(), to.dims());
    const sdk::Choose choose = mapping_ == "random" ? sdk::random_choice(call.rng()) : sdk::Choose(sdk::circular);
    sdk::WidthRule rule;
    rule.init_std = init_std_;
    rule.moments = sdk::moments_named(moments_);
    const sdk::Widener wide(plan, from, to, sdk::map_width(from.dims(), to.dims(), choose, choose), rule);
    const auto layers = sdk::insert_layers(from.num_layers(), to.num_layers() - from.num_layers(), position_);
    bool noisy = false;
    wide.assign(layers, [&](const sdk::Param& param, std::int32_t old_layer) {
      const sdk::Expr value = wide.widened(param, old_layer);
      const sdk::AxisMap* produced = outputs(wide.map(), param);
      if (noise_ == 0 || produced == nullptr || !produced->changes()) return value;
      noisy = true;
      const std::size_t dim = sdk::side_of(param, 0) == sdk::Side::kProduced ? 0 : 1;
      return value + plan.normal(param.shape(), noise_, param.name()) * wide.along(param, dim, produced->added);
    });
    if (!noisy && wide.map().d_model.uniform()) plan.expect_preserving(sdk::kPreservingTolerance);
  }

 protected:
  void check_step(const sdk::Dims& from, const sdk::Dims& to) const override { sdk::check_heads(from, to); }

 private:
  /// The axis that a weight matrix writes; nullptr for vectors and the head.
  static const sdk::AxisMap* outputs(const sdk::WidthMap& map, const sdk::Param& param) {
    if (param.shape().size() < 2) return nullptr;
    for (std::size_t dim = 0; dim < 2; ++dim) {
      if (sdk::side_of(param, dim) == sdk::Side::kProduced) return map.find(param.axis(dim));
    }
    return nullptr;
  }

  std::string mapping_ = "circular", position_ = "interleaved", moments_ = "like_gradient";
  double noise_ = 0.001, init_std_ = 0.02;
};

ESPALIER_PLUGIN(Net2Net);
