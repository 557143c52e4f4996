// bert2BERT on real weights (Chen et al. 2022): FPI, AKI and stacking.
#include <ATen/ATen.h>
#include <algorithm>

#include "catch.h"
#include "methods/width_cases.h"

using namespace espalier;
using namespace espalier::test;

namespace {

using List = std::vector<int64_t>;

plugin::GrowthPlugin method(const char* mode, const char* mapping = "circular") {
  return make_method("bert2bert", {{"num_layers", List{1}}, {"mode", mode}, {"mapping", mapping}});
}

ModelSpec doubled(ModelSpec spec) {
  spec.d_model *= 2, spec.num_heads *= 2, spec.num_kv_heads *= 2, spec.d_ff *= 2;
  return spec;
}

}  // namespace

TEST_CASE("FPI is exact where the stream doubles and not where it grows by half", "[methods][bert2bert]") {
  auto fpi = method("fpi");
  for (const ModelSpec& from : width_settings()) {
    INFO(text(from));
    CHECK(logit_change(*fpi.strategy, from, doubled(from)) < 1e-10);
    CHECK(fpi.strategy->plan(from, doubled(from)).preserving_tol.has_value());
    ModelSpec half = from;
    half.d_model = 48;
    CHECK(logit_change(*fpi.strategy, from, half) > 1e-2);
    CHECK_FALSE(fpi.strategy->plan(from, half).preserving_tol.has_value());
  }
}

TEST_CASE("FPI with the paper's random mapping is exact inside the blocks", "[methods][bert2bert]") {
  auto fpi = method("fpi", "random");
  for (const ModelSpec& from : width_settings()) {
    ModelSpec to = from;
    to.d_ff = 90, to.num_heads = 8, to.num_kv_heads = from.num_kv_heads == 2 ? 2 : 8;
    INFO(text(from));
    CHECK(logit_change(*fpi.strategy, from, to) < 1e-10);
  }
}

TEST_CASE("AKI takes new rows from the next layer, and the last layer's from itself", "[methods][bert2bert]") {
  auto aki = method("aki");
  for (const ModelSpec& from : width_settings(3)) {
    const ModelSpec to = doubled(from);
    const Model before = random_model(from, 3), after = grow(*aki.strategy, before, to);
    for (const auto& param : before.params) {
      if (param.info.layer < 0 || param.info.role.starts_with("norm")) continue;
      const int next = std::min(param.info.layer + 1, 2);
      const std::string other = "layers." + std::to_string(next) + param.info.name.substr(param.info.name.find('.', 7));
      const bool matrix = param.info.is_matrix();
      // The columns of both are halved and repeated: two copies of each input.
      const auto columns = [&](const at::Tensor& w) { return matrix ? at::cat({w, w}, 1) / 2 : w; };
      const at::Tensor expected = at::cat({columns(param.value), columns(before.params.at(other))}, 0);
      INFO(param.info.name);
      CHECK(max_diff(after.params.at(param.info.name), expected) < 1e-15);
    }
    CHECK(logit_change(*aki.strategy, from, to) > 1e-2);  // knowledge of another layer is not this one's function
    CHECK_FALSE(aki.strategy->plan(from, to).preserving_tol.has_value());
  }
}

TEST_CASE("depth is stacked: layer i comes from layer i mod l", "[methods][bert2bert]") {
  const Model before = random_model(tiny_gpt2(2), 3);
  for (const char* mode : {"aki", "fpi"}) {
    auto stack = method(mode);
    const Model after = grow(*stack.strategy, before, tiny_gpt2(5));
    for (const auto& param : after.params) {
      std::string old = param.info.name;
      if (param.info.layer >= 0) old = "layers." + std::to_string(param.info.layer % 2) + old.substr(old.find('.', 7));
      CHECK(param.value.equal(before.params.at(old)));
      CHECK(after.state.at(param.info.name).exp_avg.equal(before.state.at(old).exp_avg));
    }
    CHECK_FALSE(stack.strategy->plan(tiny_gpt2(2), tiny_gpt2(4)).preserving_tol.has_value());
  }
  auto fresh = make_method("bert2bert", {{"num_layers", List{2}}, {"moments", "zero"}});
  const Model after = grow(*fresh.strategy, before, tiny_gpt2(5));
  CHECK(after.state.count("layers.1.mlp.up.weight") == 1);
  CHECK(after.state.count("layers.2.mlp.up.weight") == 0);
}

TEST_CASE("width and depth compose: the widened stack is the stacked wide model", "[methods][bert2bert]") {
  for (const ModelSpec& from : width_settings()) {
    auto fpi = method("fpi");
    const Model before = random_model(from, 3);
    ModelSpec both = doubled(from), deep = from;
    both.num_layers = deep.num_layers = 4;
    const Model at_once = grow(*fpi.strategy, before, both);
    const Model in_turn = grow(*fpi.strategy, grow(*fpi.strategy, before, doubled(from)), both);
    CHECK(same_values(at_once, in_turn));
    const Model stacked = grow(*fpi.strategy, before, deep);
    const at::Tensor tokens = random_tokens(from, 2, 3);
    CHECK(max_diff(logits(at_once, tokens), logits(stacked, tokens)) < 1e-10);
  }
}
