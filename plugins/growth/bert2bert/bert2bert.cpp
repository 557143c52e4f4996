// bert2BERT: wider by function-preserving (FPI) or advanced knowledge (AKI) initialisation, deeper by stacking.
#include <espalier/recipes/stages.hpp>
#include <espalier/recipes/width.hpp>
#include <espalier/sdk.hpp>

namespace sdk = espalier::sdk;

class Bert2Bert final : public sdk::StagewiseGrowth {
 public:
  static constexpr std::uint32_t min_host_minor = sdk::kMinorOfLikeGradient;

  static void describe(sdk::Description<Bert2Bert>& about) {
    about.id("org.espalier.growth.bert2bert").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("wider by copies of units, with AKI from the next layer; deeper by stacking");
    about.url("https://arxiv.org/abs/2110.07143");
    about.citation("Chen et al., bert2BERT: Towards Reusable Pretrained Language Models, ACL 2022");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    describe_stages(about);
    about.param("mode", &Bert2Bert::mode_, "new rows of a weight: from the next layer, or from the layer itself")
        .choices({"aki", "fpi"});
    about.param("mapping", &Bert2Bert::mapping_, "which unit a new one copies: drawn from the run's seed, or in turn")
        .choices({"random", "circular"});
    about
        .param("moments", &Bert2Bert::moments_,
               "optimizer moments of changed and stacked parameters: as gradients move, by the weight's expression, or "
               "fresh")
        .choices(sdk::width_moments());
  }

  void plan(sdk::Call& call, const sdk::Arch& from, const sdk::Arch& to, sdk::Plan& plan) override {
    check_plan(from.dims(), to.dims());
    const sdk::Choose choose = mapping_ == "random" ? sdk::random_choice(call.rng()) : sdk::Choose(sdk::circular);
    sdk::WidthRule rule;
    rule.moments = sdk::moments_named(moments_);
    const sdk::Widener wide(plan, from, to, sdk::map_width(from.dims(), to.dims(), choose, choose), rule);
    const auto depth = static_cast<std::int32_t>(from.num_layers());
    for (const sdk::Param& param : to.params()) {
      const std::int32_t source = param.in_block() ? param.layer() % depth : -1;
      const auto weight = [&](std::int32_t layer) { return wide.widened(param, layer); };
      const auto gradient = [&](std::int32_t layer) { return wide.gradient(param, layer); };
      const sdk::Expr value = initialised(wide, param, source, depth, weight);
      if (param.layer() >= depth && moments_ == "zero") {
        plan.assign(param, value, sdk::Moments::kZero);
      } else {
        wide.assign_one(param, value, [&] { return initialised(wide, param, source, depth, gradient); });
      }
    }
    const bool exact = mode_ == "fpi" && wide.map().d_model.uniform() && from.num_layers() == to.num_layers();
    if (exact) plan.expect_preserving(sdk::kPreservingTolerance);
  }

 protected:
  void check_step(const sdk::Dims& from, const sdk::Dims& to) const override { sdk::check_heads(from, to); }

 private:
  /// AKI: the rows of new units come from the next layer, with the columns mapped as ever. The last layer, vectors of
  /// the norms and what lies outside the blocks have no next layer, and come from their own. `of` makes the expression
  /// of one layer: of the weights, or of their gradients.
  template <class Of>
  sdk::Expr initialised(const sdk::Widener& wide, const sdk::Param& param, std::int32_t layer, std::int32_t depth,
                        Of&& of) const {
    const sdk::Expr own = of(layer);
    const bool has_rows = sdk::side_of(param, 0) == sdk::Side::kProduced && param.in_block();
    if (mode_ == "fpi" || !has_rows || layer + 1 >= depth) return own;
    const sdk::AxisMap* rows = wide.map().find(param.axis(0));
    if (!rows->changes()) return own;
    std::vector<double> kept;
    for (const double added : rows->added) kept.push_back(1 - added);
    return own * wide.along(param, 0, kept) + of(layer + 1) * wide.along(param, 0, rows->added);
  }

  std::string mode_ = "aki", mapping_ = "random", moments_ = "like_gradient";
};

ESPALIER_PLUGIN(Bert2Bert);
