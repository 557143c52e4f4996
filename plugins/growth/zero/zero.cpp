// G_zero: new width and new layers that contribute nothing yet.
#include <espalier/recipes/new_layers.hpp>
#include <espalier/recipes/stages.hpp>
#include <espalier/recipes/width.hpp>
#include <espalier/sdk.hpp>

namespace sdk = espalier::sdk;

class Zero final : public sdk::StagewiseGrowth {
 public:
  static constexpr std::uint32_t min_host_minor = sdk::kMinorOfLikeGradient;

  static void describe(sdk::Description<Zero>& about) {
    about.id("org.espalier.growth.zero").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("new width and new layers whose output is zero: exact with RMSNorm, and in depth with any norm");
    about.url("https://arxiv.org/abs/2405.15319");
    about.citation("Du et al., Stacking Your Transformers: A Closer Look at Model Growth, NeurIPS 2024 (G_zero)");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    describe_stages(about);
    describe_head_dim(about);
    about
        .param("new_units", &Zero::new_units_,
               "new heads and hidden units: zero where the old stream comes in (the paper), or where they go out")
        .choices({"zero_in", "zero_out"});
    about.param("position", &Zero::position_, "where new layers go").choices(sdk::insert_positions());
    about.param("init_std", &Zero::init_std_, "standard deviation of the new weights that are not zero").above(0);
    about
        .param("moments", &Zero::moments_,
               "optimizer moments of changed parameters: as gradients move, by the weight's expression, or fresh")
        .choices(sdk::width_moments());
  }

  void plan(sdk::Call&, const sdk::Arch& from, const sdk::Arch& to, sdk::Plan& plan) override {
    const sdk::Dims before = from.dims(), after = to.dims();
    check_plan(before, after);
    if (before.head_dim != after.head_dim && !to.is(ESP_ARCH_LEARNED_POS)) {
      throw sdk::invalid("head_dim cannot grow from ", before.head_dim, " to ", after.head_dim,
                         " with rotary positions: the frequency of every old dimension depends on head_dim");
    }
    sdk::WidthRule rule;
    rule.norm_gain = std::sqrt(width_ratio(before, after));
    rule.init_std = init_std_;
    rule.moments = sdk::moments_named(moments_);
    const sdk::Widener wide(plan, from, to, sdk::map_width(before, after, sdk::padded, sdk::padded), rule);
    wide.assign(sdk::insert_layers(before.num_layers, after.num_layers - before.num_layers, position_),
                [&](const sdk::Param& param, std::int32_t old_layer) {
                  return filled(wide, param, wide.widened(param, old_layer));
                });
    const bool exact_norm = before.d_model == after.d_model || !to.is(ESP_ARCH_LAYERNORM);
    if (exact_norm && sdk::scaled_eps(before, after, width_ratio(before, after))) {
      plan.expect_preserving(sdk::kPreservingTolerance);
    }
  }

 protected:
  void check_step(const sdk::Dims& from, const sdk::Dims& to) const override {
    sdk::check_heads(from, to);
    if (new_units_ != "zero_in") return;
    const bool grows_inside = from.num_heads != to.num_heads || from.num_kv_heads != to.num_kv_heads ||
                              from.head_dim != to.head_dim || from.d_ff != to.d_ff;
    if (grows_inside && from.d_model == to.d_model) {
      throw sdk::invalid(
          "new_units = \"zero_in\" cannot grow heads or d_ff without d_model: all their inputs would have weight zero, "
          "and products of zeros pass no gradient; use new_units = \"zero_out\"");
    }
    if (to.num_heads / to.num_kv_heads > from.num_heads / from.num_kv_heads) {
      throw sdk::invalid(
          "new_units = \"zero_in\" cannot add query heads to an old key/value head: their values are not zero; grow "
          "num_kv_heads in step, or use new_units = \"zero_out\"");
    }
  }
  double eps_ratio(const sdk::Dims& from, const sdk::Dims& to) const override { return 1 / width_ratio(from, to); }

 private:
  static double width_ratio(const sdk::Dims& from, const sdk::Dims& to) {
    return static_cast<double>(from.d_model) / static_cast<double>(to.d_model);
  }

  /// zero_in: W' = [[W, A], [0, C]] for every weight (Du et al., appendix), rows = outputs. zero_out: new heads and
  /// units have all their inputs, and zero columns in the weight that reads them; writers of the stream stay [[W, 0],
  /// [0, 0]]. Keys stay [[W, A], [0, C]]: in a head that only gained dimensions, a new key times a new query would be
  /// seen.
  sdk::Expr filled(const sdk::Widener& wide, const sdk::Param& param, sdk::Expr value) const {
    const std::string_view role = param.role();
    if (new_units_ == "zero_out") {
      if (sdk::writes_residual(param)) return value;
      if (role == "attn.q" || role == "attn.v" || role == "mlp.up" || role == "mlp.gate") {
        return wide.with_normal(value, param, sdk::Where::kNew, init_std_);
      }
    }
    return wide.with_normal(value, param, sdk::Where::kNewInputs, init_std_);
  }

  std::string new_units_ = "zero_in", position_ = "interleaved", moments_ = "like_gradient";
  double init_std_ = 0.02;
};

ESPALIER_PLUGIN(Zero);
