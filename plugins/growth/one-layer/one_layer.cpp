// One-layer expansion: train a model of one layer, then go to the full depth at once.
#include <espalier/recipes/new_layers.hpp>
#include <espalier/sdk.hpp>

namespace sdk = espalier::sdk;

class OneLayer final : public sdk::Growth {
 public:
  static void describe(sdk::Description<OneLayer>& about) {
    about.id("org.espalier.growth.one-layer").version("0.1.0").license("Apache-2.0").vendor("Espalier");
    about.summary("expands a model of one layer to the full depth in one step");
    about.url("https://arxiv.org/abs/2511.04981");
    about.citation("Bu, Scaling Depth Capacity via Zero/One-Layer Model Expansion, ICML 2026");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    about.param("init", &OneLayer::init_, "how the new layers start; zero-output keeps the model's function")
        .choices({"random", "copy", "zero-output"});
    about.param("init_std", &OneLayer::std_, "standard deviation of random matrices, as [model].init_std").above(0);
    about.param("position", &OneLayer::position_, "where the new layers go, seen from the trained one")
        .choices({"top", "bottom"});
    about.param("moments", &OneLayer::moments_, "init copy: optimizer moments of the copies, copied or fresh")
        .choices({"copy", "zero"});
    about.param("optimizer", &OneLayer::optimizer_, "moments of everything old at growth").choices({"keep", "reset"});
  }

  std::uint32_t num_stages(sdk::Call&, const sdk::Dims& final_dims) override {
    if (final_dims.num_layers < 2) {
      throw sdk::invalid("num_layers ", final_dims.num_layers, " leaves nothing to expand a model of one layer to");
    }
    return 2;
  }

  sdk::Dims stage_dims(sdk::Call&, const sdk::Dims& final_dims, std::uint32_t stage) override {
    sdk::Dims dims = final_dims;
    if (stage == 0) dims.num_layers = 1;
    return dims;
  }

  void plan(sdk::Call&, const sdk::Arch& from, const sdk::Arch& to, sdk::Plan& plan) override {
    if (from.num_layers() != 1) throw sdk::invalid("the model to expand has ", from.num_layers(), " layers, not one");
    const bool keeps = optimizer_ == "keep";
    sdk::NewLayers policy;
    policy.init = init_;
    policy.std = std_;
    policy.moments_of_old = keeps ? sdk::Moments::kMap : sdk::Moments::kZero;
    policy.moments_of_copies = keeps && moments_ == "copy" ? sdk::Moments::kMap : sdk::Moments::kZero;
    sdk::assign_with_new_layers(plan, from, to, sdk::insert_layers(1, to.num_layers() - 1, position_), policy);
  }

 private:
  std::string init_ = "random";
  double std_ = 0.02;
  std::string position_ = "top";
  std::string moments_ = "copy";
  std::string optimizer_ = "keep";
};

ESPALIER_PLUGIN(OneLayer);
