// Stacking on real weights: layer maps, connection rates, noise (Gong et al. 2019, Du et al. 2024).
#include <ATen/ATen.h>

#include <cmath>

#include "catch.h"
#include "methods/origins.h"
#include "support/tiny_model.h"

using namespace espalier;
using namespace espalier::test;
using Catch::Matchers::Contains;

namespace {

// Which old layer each layer is after one growth from `base` to `depth` layers.
std::vector<int64_t> map_of(const Settings& settings, int64_t base, int64_t depth) {
  auto stack = make_method("stack", settings);
  const Model from = random_model(tiny_llama(base), 3);
  return origins(from, grow(*stack.strategy, from, tiny_llama(depth)));
}

}  // namespace

TEST_CASE("the modes repeat the last block, the whole stack or each layer", "[methods][stack]") {
  CHECK(map_of({{"block_size", 2}}, 4, 6) == std::vector<int64_t>{0, 1, 2, 3, 2, 3});
  CHECK(map_of({{"block_size", 3}, {"mode", "all"}}, 3, 6) == std::vector<int64_t>{0, 1, 2, 0, 1, 2});
  CHECK(map_of({{"block_size", 3}, {"mode", "interleave"}}, 3, 6) == std::vector<int64_t>{0, 0, 1, 1, 2, 2});
  CHECK(map_of({{"block_size", 2}, {"mode", "interleave"}, {"factor", 3}}, 2, 6) ==
        std::vector<int64_t>{0, 0, 0, 1, 1, 1});
}

TEST_CASE("partial stacking repeats the front, the middle or the back of the base", "[methods][stack]") {
  const auto map = [](const char* part) {
    return map_of({{"block_size", 4}, {"mode", "partial"}, {"part", part}, {"part_size", 2}}, 4, 8);
  };
  CHECK(map("front") == std::vector<int64_t>{0, 1, 0, 1, 0, 1, 2, 3});
  CHECK(map("middle") == std::vector<int64_t>{0, 1, 2, 1, 2, 1, 2, 3});
  CHECK(map("back") == std::vector<int64_t>{0, 1, 2, 3, 2, 3, 2, 3});
  auto stack = make_method("stack", {{"block_size", 4}, {"mode", "partial"}, {"part_size", 2}});
  CHECK(stage_layers(*stack.strategy, tiny_llama(10)) == std::vector<int64_t>{4, 10});
}

TEST_CASE("connection rates are g(l-1)/(gl-1) when stacked and (l-1)/(gl-1) when interleaved", "[methods][stack]") {
  for (const auto& [l, g] : {std::pair{8, 3}, std::pair{6, 4}}) {
    const double pairs = g * l - 1;
    const Settings all = {{"block_size", l}, {"mode", "all"}, {"factor", g}};
    const Settings interleave = {{"block_size", l}, {"mode", "interleave"}, {"factor", g}};
    CHECK(connection_rate(map_of(all, l, g * l)) == Approx(g * (l - 1) / pairs));
    CHECK(connection_rate(map_of(interleave, l, g * l)) == Approx((l - 1) / pairs));
  }
}

TEST_CASE("copies take the moments of their originals, none, or all moments go", "[methods][stack]") {
  const Model from = random_model(tiny_gpt2(2), 3);
  for (const char* mode : {"last", "all", "interleave"}) {
    const auto grown = [&](const char* moments) {
      auto stack = make_method("stack", {{"block_size", 2}, {"mode", mode}, {"moments", moments}});
      return grow(*stack.strategy, from, tiny_gpt2(4));
    };
    const Model copy = grown("copy"), zero = grown("zero"), reset = grown("reset");
    const std::vector<int64_t> source = origins(from, copy);
    std::vector<bool> seen(2, false);
    for (int64_t layer = 0; layer < 4; ++layer) {
      const std::string name = in_layer("layers.0.mlp.up.bias", layer);
      const int64_t old = source[static_cast<size_t>(layer)];
      CHECK(same_moments(from, in_layer(name, old), copy, name));
      CHECK((zero.state.count(name) == 1) == !seen[static_cast<size_t>(old)]);  // the first is the old layer itself
      seen[static_cast<size_t>(old)] = true;
    }
    CHECK(same_moments(from, "embed.weight", zero, "embed.weight"));
    CHECK(reset.state.empty());
  }
}

TEST_CASE("noise goes into the matrices of the copies, with G_stack's variances", "[methods][stack]") {
  constexpr double a = 0.2;
  auto stack = make_method("stack", {{"block_size", 4}, {"mode", "all"}, {"noise", a}});
  const ModelSpec larger = tiny_gpt2(8);
  const Model from = random_model(tiny_gpt2(4), 3), to = grow(*stack.strategy, from, larger);
  const double d = static_cast<double>(larger.d_model), l = static_cast<double>(larger.num_layers);
  std::map<bool, std::vector<at::Tensor>> noise;  // by "writes to the residual stream"
  for (const auto& param : to.params) {
    const auto& info = param.info;
    const bool is_copy = info.layer >= 4;
    const std::string old_name = is_copy ? in_layer(info.name, info.layer - 4) : info.name;
    const at::Tensor& old = from.params.at(old_name);
    CHECK(same_moments(from, old_name, to, info.name));
    if (!is_copy || !info.is_matrix()) {
      CHECK(param.value.equal(old));
      continue;
    }
    const at::Tensor eps = (param.value - old * (1 - a)) / a;
    const bool writes_residual = info.role == "attn.o" || info.role == "mlp.down";
    for (const auto& other : noise[writes_residual])
      if (other.numel() == eps.numel()) CHECK_FALSE(at::allclose(other, eps.flatten()));
    noise[writes_residual].push_back(eps.flatten());
  }
  for (const bool writes_residual : {true, false}) {
    const at::Tensor all = at::cat(noise[writes_residual]);
    const double std = writes_residual ? 1 / (std::sqrt(d) * l) : std::sqrt(2 / (5 * d));
    const double n = static_cast<double>(all.numel());
    CHECK(rms(all) == Approx(std).epsilon(4 / std::sqrt(2 * n)));
    CHECK(std::abs(all.mean().item<double>()) < 4 * std / std::sqrt(n));
  }
}

TEST_CASE("stacking refuses what its steps cannot reach", "[methods][stack]") {
  const auto refusal = [](const Settings& settings, int64_t depth) {
    return error_of([&] { make_method("stack", settings).strategy->num_stages(tiny_llama(depth)); });
  };
  CHECK_THAT(refusal({{"block_size", 4}}, 2), Contains("2") && Contains("4"));  // growth past the target
  CHECK_THAT(refusal({{"block_size", 3}, {"mode", "interleave"}}, 9), Contains("multiplying"));
  CHECK_THAT(refusal({{"block_size", 4}, {"mode", "partial"}, {"part_size", 3}}, 8), Contains("adding 3"));
  CHECK_THAT(refusal({{"block_size", 2}, {"mode", "partial"}, {"part_size", 3}}, 8), Contains("part_size"));
  CHECK(refusal({{"block_size", 2}, {"mode", "partial"}, {"part_size", 2}}, 8) == "no error");
}
