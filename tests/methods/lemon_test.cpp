// LEMON on real weights (Wang et al. 2024): lossless to any width.
#include <ATen/ATen.h>

#include "catch.h"
#include "methods/width_cases.h"

using namespace espalier;
using namespace espalier::test;

namespace {

using List = std::vector<int64_t>;

plugin::GrowthPlugin lemon(const char* mapping = "circular") {
  return make_method("lemon", {{"num_layers", List{1}}, {"mapping", mapping}});
}

}  // namespace

TEST_CASE("LEMON is lossless for widths that do not divide", "[methods][lemon]") {
  for (const char* mapping : {"circular", "random"}) {
    auto method = lemon(mapping);
    for (const ModelSpec& from : width_settings()) {
      for (const int64_t width : {44, 75}) {
        ModelSpec to = from;
        to.d_model = width;
        to = with_eps_for(to, from);
        INFO(text(from) << " " << mapping << " " << width);
        CHECK(logit_change(*method.strategy, from, to) < 1e-10);
        to.d_ff = 71, to.num_heads = 6, to.num_kv_heads = from.num_kv_heads == 2 ? 3 : 6;
        CHECK(logit_change(*method.strategy, from, to) < 1e-10);
        to.num_layers = 3;
        CHECK(logit_change(*method.strategy, from, to) < 1e-10);
        CHECK(method.strategy->plan(from, to).preserving_tol.has_value());
      }
    }
  }
}

TEST_CASE("LEMON is lossless only with norm_eps scaled, and claims it only then", "[methods][lemon]") {
  auto method = lemon();
  for (const ModelSpec& from : width_settings()) {
    ModelSpec to = from;
    to.d_model = 44;
    INFO(text(from));
    CHECK(logit_change(*method.strategy, from, to) > 1e-7);
    CHECK_FALSE(method.strategy->plan(from, to).preserving_tol.has_value());
  }
}

TEST_CASE("every stage has the norm_eps that makes its growth lossless", "[methods][lemon]") {
  auto method = make_method("lemon", {{"num_layers", List{1, 2}},
                                      {"d_model", List{18, 25}},
                                      {"num_heads", List{2, 4}},
                                      {"num_kv_heads", List{1, 2}},
                                      {"d_ff", List{20, 31}}});
  for (ModelSpec last : {tiny_llama(3), tiny_gpt2(3)}) {
    last.num_heads = 8, last.num_kv_heads = 4;
    REQUIRE(method.strategy->num_stages(last) == 3);
    const ModelSpec start = method.strategy->stage_spec(last, 0), middle = method.strategy->stage_spec(last, 1);
    CHECK(start.norm_eps == Approx(last.norm_eps * 32 / 18).epsilon(1e-12));
    CHECK(middle.norm_eps == Approx(last.norm_eps * 32 / 25).epsilon(1e-12));
    const Model first = random_model(start, 11);
    const Model second = grow(*method.strategy, first, middle, 7, 0);
    const Model third = grow(*method.strategy, second, last, 7, 1);
    const at::Tensor tokens = random_tokens(last, 2, 2);
    CHECK(max_diff(logits(second, tokens), logits(first, tokens)) < 1e-10);
    CHECK(max_diff(logits(third, tokens), logits(first, tokens)) < 1e-10);
  }
}

TEST_CASE("new dimensions carry the mean under LayerNorm and zero under RMSNorm", "[methods][lemon]") {
  for (const ModelSpec& from : width_settings()) {
    ModelSpec to = from;
    to.d_model = 40;
    const Model before = random_model(from, 3), after = grow(*lemon().strategy, before, with_eps_for(to, from));
    const at::Tensor old = before.params.at("embed.weight");
    const at::Tensor added = after.params.at("embed.weight").narrow(1, 32, 8);
    const at::Tensor expected =
        from.norm == Norm::layernorm ? old.mean(1, true).expand({-1, 8}) : at::zeros({61, 8}, at::kDouble);
    CHECK(max_diff(added, expected) < 1e-15);
  }
}

TEST_CASE("copies have uneven shares that sum to one, so that training parts them", "[methods][lemon]") {
  const ModelSpec from = tiny_llama();
  ModelSpec to = from;
  to.d_ff = 96, to.num_heads = 8;
  const Model before = random_model(from, 3), after = grow(*lemon().strategy, before, to);
  const at::Tensor old = before.params.at("layers.0.mlp.down.weight");
  const at::Tensor down = after.params.at("layers.0.mlp.down.weight");
  const at::Tensor share = (down.narrow(1, 0, 48) / old).select(0, 0);
  CHECK(max_diff(down.narrow(1, 0, 48) + down.narrow(1, 48, 48), old) < 1e-15);
  CHECK((share - 0.5).abs().min().item<double>() > 1e-6);
  CHECK(share.min().item<double>() > 0.2);
  CHECK(share.max().item<double>() < 0.8);
  const auto gap = [&](const Model& model) {
    const at::Tensor grad = gradients(model, random_tokens(to, 2, 4)).at("layers.0.mlp.up.weight");
    return max_diff(grad.narrow(0, 0, 48), grad.narrow(0, 48, 48));
  };
  CHECK(gap(after) > 1e-4);
  auto even = make_method("lemon", {{"num_layers", List{1}}, {"unevenness", 0.0}});
  CHECK(gap(grow(*even.strategy, before, to)) < 1e-14);
}

TEST_CASE("what sees only zeros is alive: gradients reach it or what feeds it", "[methods][lemon]") {
  for (const ModelSpec& from : width_settings()) {
    ModelSpec to = from;
    to.d_model = 40;
    const Model after = grow(*lemon().strategy, random_model(from, 3), with_eps_for(to, from));
    const auto grads = gradients(after, random_tokens(to, 2, 4));
    INFO(text(from));
    CHECK(grads.at("layers.0.mlp.down.weight").narrow(0, 32, 8).abs().max().item<double>() > 1e-6);
    CHECK(after.params.at("layers.0.mlp.up.weight").narrow(1, 32, 8).std().item<double>() > 0.01);
  }
}
