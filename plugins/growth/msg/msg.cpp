// Masked structural growth: new parts come in behind gates that open over the first steps of a stage.
#include <espalier/recipes/new_layers.hpp>
#include <espalier/recipes/stages.hpp>
#include <espalier/recipes/width.hpp>
#include <espalier/sdk.hpp>

namespace sdk = espalier::sdk;

class Msg final : public sdk::StagewiseGrowth {
 public:
  static void describe(sdk::Description<Msg>& about) {
    about.id("org.espalier.growth.msg").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("new heads, hidden units, dimensions and layers behind gates that open linearly from 0 to 1");
    about.url("https://arxiv.org/abs/2305.02869");
    about.citation("Yao et al., Masked Structural Growth for 2x Faster Language Model Pre-training, ICLR 2024");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    describe_stages(about);
    about.param("grow_steps", &Msg::grow_steps_, "how long the gates take to open; at most the stage").tunable();
    about.param("position", &Msg::position_, "where new layers go").choices(sdk::insert_positions());
    about.param("init_std", &Msg::init_std_, "standard deviation of the new weights").above(0);
    about.param("moments", &Msg::moments_, "optimizer moments of changed parameters: padded with zeros, or fresh")
        .choices({"copy", "zero"});
  }

  void check(sdk::Call&) override {
    if (grow_steps_.steps < 1) throw sdk::invalid("grow_steps must be at least one step");
  }

  std::uint32_t num_stages(sdk::Call& call, const sdk::Dims& final_dims) override {
    final_dims_ = final_dims;
    return StagewiseGrowth::num_stages(call, final_dims);
  }

  void plan(sdk::Call&, const sdk::Arch& from, const sdk::Arch& to, sdk::Plan& plan) override {
    check_plan(from.dims(), to.dims());
    sdk::WidthRule rule;
    rule.init_std = init_std_;
    rule.silent_layers = false;
    rule.moments = sdk::moments_named(moments_);
    const sdk::Widener wide(plan, from, to, sdk::map_width(from.dims(), to.dims(), sdk::padded, sdk::padded), rule);
    wide.assign(sdk::insert_layers(from.num_layers(), to.num_layers() - from.num_layers(), position_),
                [&](const sdk::Param& param, std::int32_t old_layer) {
                  return wide.with_normal(wide.widened(param, old_layer), param, sdk::Where::kNew, init_std_);
                });
  }

  std::uint32_t step_shape(sdk::Call& call, const sdk::Progress& where, sdk::StepShape& shape) override {
    const double gate = opening(where);
    if (gate == 1) return 0;
    if (final_dims_.num_layers == 0) {
      throw sdk::failed_precondition("the host asked for the shape of a step before the number of stages");
    }
    close(stage_dims(call, final_dims_, where.stage - 1), stage_dims(call, final_dims_, where.stage),
          static_cast<float>(gate), shape);
    shape.keep_in_evaluation();
    return 0;
  }

 protected:
  void check_step(const sdk::Dims& from, const sdk::Dims& to) const override { sdk::check_heads(from, to); }

 private:
  /// 0 at the stage's first step, 1 once grow_steps steps are done; a shorter stage opens over its own length.
  double opening(const sdk::Progress& where) const {
    std::uint64_t steps = static_cast<std::uint64_t>(grow_steps_.steps);
    if (where.stage_total_steps != 0 && where.stage_total_steps < steps) steps = where.stage_total_steps;
    if (where.stage == 0 || where.stage_step >= steps) return 1;
    return static_cast<double>(where.stage_step) / static_cast<double>(steps);
  }

  /// Puts `gate` on all that the step from `from` to `to` added. An inserted layer is scaled as a whole.
  void close(const sdk::Dims& from, const sdk::Dims& to, float gate, sdk::StepShape& shape) const {
    const std::vector<sdk::LayerSource> layers =
        sdk::insert_layers(from.num_layers, to.num_layers - from.num_layers, position_);
    const sdk::AxisMap heads = sdk::map_heads(from, to, sdk::padded).query;
    for (std::uint32_t layer = 0; layer < layers.size(); ++layer) {
      if (layers[layer].is_copy) {
        shape.scale(layer, gate);
        continue;
      }
      for (std::uint32_t head = 0; head < heads.size(); ++head) {
        if (heads.from[head] == sdk::kNoUnit) shape.gate_head(layer, head, gate);
      }
      for (auto unit = static_cast<std::uint32_t>(from.d_ff); unit < to.d_ff; ++unit) {
        shape.gate_unit(layer, unit, gate);
      }
    }
    for (auto dim = static_cast<std::uint32_t>(from.d_model); dim < to.d_model; ++dim) shape.gate_stream(dim, gate);
  }

  sdk::Dims final_dims_;  // what the host said last, not state: it says it in every process before it asks for a step
  sdk::Duration grow_steps_ = "5000st";
  std::string position_ = "top", moments_ = "copy";
  double init_std_ = 0.02;
};

ESPALIER_PLUGIN(Msg);
