// Masked structural growth on real weights (Yao et al. 2024).
#include <ATen/ATen.h>

#include "catch.h"
#include "methods/width_cases.h"

using namespace espalier;
using namespace espalier::test;

namespace {

using List = std::vector<int64_t>;

plugin::GrowthPlugin msg(Settings extra = {}) {
  extra.emplace("num_layers", List{2});
  extra.emplace("d_model", List{32});
  extra.emplace("grow_steps", "10st");
  return make_method("msg", extra);
}

ModelSpec larger(ModelSpec spec) {
  spec.d_model = 44, spec.d_ff = 71, spec.num_layers = 4;
  spec.num_heads = 8, spec.num_kv_heads = spec.num_kv_heads == 2 ? 2 : 8;
  return spec;
}

}  // namespace

TEST_CASE("old values stay, new weights are normal, new vectors neutral", "[methods][msg]") {
  auto method = msg();
  for (const ModelSpec& from : width_settings()) {
    const ModelSpec to = larger(from);
    const Model before = random_model(from, 3), after = grow(*method.strategy, before, to);
    const at::Tensor up = after.params.at("layers.0.mlp.up.weight"), down = after.params.at("layers.1.mlp.down.weight");
    CHECK(up.narrow(0, 0, 48).narrow(1, 0, 32).equal(before.params.at("layers.0.mlp.up.weight")));
    CHECK(down.narrow(0, 0, 32).narrow(1, 0, 48).equal(before.params.at("layers.1.mlp.down.weight")));
    for (const at::Tensor& part :
         {up.narrow(0, 48, 23), up.narrow(1, 32, 12), down.narrow(0, 32, 12),
          after.params.at("embed.weight").narrow(1, 32, 12), after.params.at("layers.3.attn.o.weight")}) {
      CHECK(part.std().item<double>() > 0.017);
      CHECK(part.std().item<double>() < 0.023);
    }
    const at::Tensor gain = after.params.at("final_norm.weight");
    CHECK(gain.narrow(0, 0, 32).equal(before.params.at("final_norm.weight")));
    CHECK(gain.narrow(0, 32, 12).equal(at::ones({12}, at::kDouble)));
    CHECK_FALSE(method.strategy->plan(from, to).preserving_tol.has_value());
  }
}

TEST_CASE("moments are padded with zeros and keep their step; new layers have none", "[methods][msg]") {
  const Model before = random_model(tiny_llama(), 3);
  const Model after = grow(*msg().strategy, before, larger(tiny_llama()));
  const auto& old = before.state.at("layers.0.mlp.up.weight");
  const auto& grown = after.state.at("layers.0.mlp.up.weight");
  CHECK(grown.step == 10);
  CHECK(grown.exp_avg_sq.narrow(0, 0, 48).narrow(1, 0, 32).equal(old.exp_avg_sq));
  CHECK(grown.exp_avg_sq.sum().item<double>() == Approx(old.exp_avg_sq.sum().item<double>()).epsilon(1e-12));
  CHECK(after.state.size() == before.state.size());
  CHECK(after.state.count("layers.2.mlp.up.weight") == 0);
}

TEST_CASE("gates need a time to open", "[methods][msg]") {
  const std::string error = error_of([] { make_method("msg", {{"num_layers", List{1}}, {"grow_steps", "0st"}}); });
  CHECK(error.find("grow_steps must be at least one step") != std::string::npos);
}
