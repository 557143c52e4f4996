// A growth strategy in the C++ layer: each stage adds copies of the top layer.
//
//   g++ -std=c++17 -O2 -shared -fPIC -fvisibility=hidden -fno-gnu-unique -I sdk/include -o repeat-top.so
//       plugin_template.cpp
//   espalier plugin list --plugin-path .
//
// In the run's TOML:
//   [growth]
//   plugin = "org.example.growth.repeat-top"
//   params = { step = 2 }
#include <espalier/sdk.hpp>

namespace sdk = espalier::sdk;

class RepeatTop final : public sdk::Growth {
 public:
  // Who I am, what I promise, and my parameters; the members' initializers are the defaults.
  static void describe(sdk::Description<RepeatTop>& about) {
    about.id("org.example.growth.repeat-top").version("0.1.0").summary("adds copies of the top layer");
    about.claims(ESP_CLAIM_DETERMINISTIC);
    about.param("step", &RepeatTop::step_, "layers added at each stage").min(1).unit("layers");
  }

  // The user's [model] is the last stage.
  std::uint32_t num_stages(sdk::Call&, const sdk::Dims& final_dims) override {
    if (final_dims.num_layers % step_ != 0) {
      throw sdk::invalid("step ", step_, " does not divide num_layers ", final_dims.num_layers);
    }
    return static_cast<std::uint32_t>(final_dims.num_layers / step_);
  }

  sdk::Dims stage_dims(sdk::Call&, const sdk::Dims& final_dims, std::uint32_t stage) override {
    sdk::Dims dims = final_dims;
    dims.num_layers = step_ * (stage + 1);
    return dims;
  }

  // Every parameter of `to` as an expression over `from`. No tensor is touched here: the host runs the plan later.
  void plan(sdk::Call&, const sdk::Arch& from, const sdk::Arch& to, sdk::Plan& plan) override {
    const auto top = static_cast<std::int32_t>(from.num_layers() - 1);
    for (const sdk::Param& param : to.params()) {
      const bool is_new = param.layer() > top;
      const sdk::Param& source = from.find_like(param, is_new ? top : param.layer());
      plan.assign(param, plan.src(source), is_new ? sdk::Moments::kZero : sdk::Moments::kMap);
    }
  }

 private:
  std::int64_t step_ = 1;
};

ESPALIER_PLUGIN(RepeatTop);
