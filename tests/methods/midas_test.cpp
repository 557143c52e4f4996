// MIDAS on real weights (Saunshi et al. 2024).
#include <ATen/ATen.h>

#include "catch.h"
#include "methods/origins.h"
#include "support/tiny_model.h"

using namespace espalier;
using namespace espalier::test;

TEST_CASE("the middle block and its copy are equal in value and apart in memory", "[methods][midas]") {
  auto midas = make_method("midas", {{"block_size", 2}});
  const Model from = random_model(tiny_llama(4), 1);
  const Model to = grow(*midas.strategy, from, tiny_llama(6));
  const int source[] = {0, 1, 0, 1, 2, 3};
  for (const auto& param : to.params) {
    std::string old = param.info.name;
    if (param.info.layer >= 0) old = in_layer(old, source[param.info.layer]);
    CHECK(param.value.equal(from.params.at(old)));
    CHECK_FALSE(param.value.is_alias_of(from.params.at(old)));
    CHECK(same_moments(from, old, to, param.info.name));
  }
  CHECK_FALSE(to.params.at("layers.0.mlp.up.weight").is_alias_of(to.params.at("layers.2.mlp.up.weight")));
}

TEST_CASE("LIDAS, block size 1, inserts layer ceil(n/2) after itself at every depth", "[methods][midas]") {
  auto lidas = make_method("midas", {{"block_size", 1}});
  CHECK(stage_layers(*lidas.strategy, tiny_gpt2(5)) == std::vector<int64_t>{1, 2, 3, 4, 5});
  const std::vector<std::vector<int64_t>> expected = {{0, 0}, {0, 0, 1}, {0, 1, 1, 2}, {0, 1, 1, 2, 3}};
  for (int64_t n = 1; n <= 4; ++n) {
    const Model from = random_model(tiny_gpt2(n), static_cast<uint64_t>(n));
    CHECK(origins(from, grow(*lidas.strategy, from, tiny_gpt2(n + 1))) == expected[static_cast<size_t>(n - 1)]);
  }
}

TEST_CASE("with fresh moments the copy starts at step 0 and all else keeps its own", "[methods][midas]") {
  auto midas = make_method("midas", {{"block_size", 1}, {"moments", "zero"}});
  const Model from = random_model(tiny_llama(2), 1);
  const Model to = grow(*midas.strategy, from, tiny_llama(3));  // 0, 0', 1
  CHECK(to.state.count("layers.1.attn.q.weight") == 0);
  CHECK(same_moments(from, "layers.0.attn.q.weight", to, "layers.0.attn.q.weight"));
  CHECK(same_moments(from, "layers.1.attn.q.weight", to, "layers.2.attn.q.weight"));
  CHECK(same_moments(from, "embed.weight", to, "embed.weight"));
}
