// LayerDrop: each step bypasses every layer with a constant probability.
#include <espalier/recipes/subnetwork.hpp>
#include <espalier/sdk.hpp>

namespace sdk = espalier::sdk;

class LayerDrop final : public sdk::Growth {
 public:
  static void describe(sdk::Description<LayerDrop>& about) {
    about.id("org.espalier.growth.layerdrop").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("bypasses layers at random with a constant probability");
    about.url("https://arxiv.org/abs/1909.11556");
    about.citation("Fan, Grave and Joulin, Reducing Transformer Depth on Demand with Structured Dropout, ICLR 2020");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    about.param("drop_rate", &LayerDrop::drop_rate_, "probability that a layer is bypassed in a step; below 1")
        .required()
        .min(0)
        .max(1)
        .tunable();
    about.param("layers", &LayerDrop::layers_, "which layers may be bypassed; every-other: the second, fourth, ...")
        .choices({"all", "every-other"});
    about.param("scaling", &LayerDrop::scaling_, "factor on the branches of layers that run: 1, 1/p or 1/sqrt(p)")
        .choices({"none", "inverse", "sqrt"});
  }

  void check(sdk::Call&) override {
    if (drop_rate_ >= 1) throw sdk::invalid("drop_rate 1 would never run a layer");
  }

  std::uint32_t num_stages(sdk::Call&, const sdk::Dims&) override { return 1; }
  sdk::Dims stage_dims(sdk::Call&, const sdk::Dims& final_dims, std::uint32_t) override { return final_dims; }

  void plan(sdk::Call&, const sdk::Arch& from, const sdk::Arch& to, sdk::Plan& plan) override {
    sdk::assign_layers(plan, from, to, sdk::unchanged_layers(from.num_layers()), sdk::Moments::kMap);
  }

  std::uint32_t step_shape(sdk::Call& call, const sdk::Progress& at, sdk::StepShape& shape) override {
    std::vector<double> keep(shape.num_layers(), 1 - drop_rate_);
    if (layers_ == "every-other") {
      for (std::size_t i = 0; i < keep.size(); i += 2) keep[i] = 1;
    }
    sdk::draw_layers(call, at, keep, scaling_, shape);
    return 0;
  }

 private:
  double drop_rate_ = 0;
  std::string layers_ = "all";
  std::string scaling_ = "none";
};

ESPALIER_PLUGIN(LayerDrop);
