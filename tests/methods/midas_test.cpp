// MIDAS on real weights (Saunshi et al. 2024).
#include "catch.h"
#include "methods/method.h"
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
    if (param.info.layer >= 0)
      old = "layers." + std::to_string(source[param.info.layer]) + old.substr(old.find('.', 7));
    CHECK(param.value.equal(from.params.at(old)));
    CHECK_FALSE(param.value.is_alias_of(from.params.at(old)));
  }
  CHECK_FALSE(to.params.at("layers.0.mlp.up.weight").is_alias_of(to.params.at("layers.2.mlp.up.weight")));
}
