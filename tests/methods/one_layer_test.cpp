// One-layer expansion on real weights (Bu 2025).
#include <ATen/ATen.h>

#include <cmath>

#include "catch.h"
#include "methods/origins.h"
#include "support/tiny_model.h"

using namespace espalier;
using namespace espalier::test;
using Catch::Matchers::Contains;

namespace {

Model expanded(const Settings& settings, const Model& from, int64_t depth, int64_t event = 0) {
  auto method = make_method("one-layer", settings);
  ModelSpec larger = from.spec;
  larger.num_layers = depth;
  return grow(*method.strategy, from, larger, 7, event);
}

bool writes_residual(const ParamInfo& info) {
  return info.role == "attn.o" || info.role == "mlp.down";
}

}  // namespace

TEST_CASE("one layer goes to the full depth in one step", "[methods][one-layer]") {
  auto method = make_method("one-layer", {});
  CHECK(stage_layers(*method.strategy, tiny_llama(12)) == std::vector<int64_t>{1, 12});
  CHECK_THAT(error_of([&] { method.strategy->num_stages(tiny_llama(1)); }), Contains("nothing to expand"));
  const Model two = random_model(tiny_llama(2), 1);
  CHECK_THAT(error_of([&] { expanded({}, two, 4); }), Contains("not one"));
}

TEST_CASE("random layers start as a fresh model of that depth does, and the trained one stays",
          "[methods][one-layer]") {
  const Model from = random_model(tiny_gpt2(1), 1);
  for (const char* position : {"top", "bottom"}) {
    const int64_t depth = 6, old = std::string(position) == "top" ? 0 : depth - 1;
    const Model to = expanded({{"init_std", 0.05}, {"position", position}}, from, depth);
    std::map<bool, std::vector<at::Tensor>> matrices;  // by "writes to the residual stream"
    for (const auto& param : to.params) {
      const auto& info = param.info;
      if (info.layer < 0 || info.layer == old) {
        const std::string source = info.layer < 0 ? info.name : in_layer(info.name, 0);
        CHECK(param.value.equal(from.params.at(source)));
        CHECK(same_moments(from, source, to, info.name));
        continue;
      }
      CHECK(to.state.count(info.name) == 0);
      if (info.is_matrix()) {
        matrices[writes_residual(info)].push_back(param.value.flatten());
      } else {
        CHECK(param.value.equal(at::full_like(param.value, info.name.ends_with(".bias") ? 0.0 : 1.0)));
      }
    }
    for (const bool output : {true, false}) {
      const at::Tensor all = at::cat(matrices[output]);
      const double std = output ? 0.05 / std::sqrt(2.0 * depth) : 0.05;
      CHECK(rms(all) == Approx(std).epsilon(4 / std::sqrt(2.0 * static_cast<double>(all.numel()))));
      CHECK_FALSE(matrices[output][0].equal(matrices[output].back()));
    }
    const at::Tensor tokens = random_tokens(from.spec, 2, 5);
    CHECK(max_diff(logits(from, tokens), logits(to, tokens)) > 1e-3);  // and it does change the function
  }
}

TEST_CASE("random layers depend on the growth event", "[methods][one-layer]") {
  const Model from = random_model(tiny_llama(1), 1);
  const auto q = [&](int64_t event) { return expanded({}, from, 3, event).params.at("layers.2.attn.q.weight"); };
  CHECK(q(0).equal(q(0)));
  CHECK_FALSE(q(0).equal(q(1)));
}

TEST_CASE("copies equal the one layer, with or without its moments", "[methods][one-layer]") {
  const Model from = random_model(tiny_llama(1), 1);
  const Model copy = expanded({{"init", "copy"}}, from, 4);
  CHECK(origins(from, copy) == std::vector<int64_t>{0, 0, 0, 0});
  CHECK(same_moments(from, "layers.0.norm1.weight", copy, "layers.3.norm1.weight"));
  const Model zero = expanded({{"init", "copy"}, {"moments", "zero"}}, from, 4);
  CHECK(zero.state.count("layers.3.norm1.weight") == 0);
  CHECK(same_moments(from, "layers.0.norm1.weight", zero, "layers.0.norm1.weight"));
  CHECK(expanded({{"init", "copy"}, {"optimizer", "reset"}}, from, 4).state.empty());
}

TEST_CASE("zero-output layers leave the logits bit-equal and learn at their outputs first", "[methods][one-layer]") {
  for (const ModelSpec& spec : {tiny_llama(1), tiny_gpt2(1)}) {
    const Model from = random_model(spec, 1);
    const at::Tensor tokens = random_tokens(spec, 2, 5);
    for (const char* position : {"top", "bottom"}) {
      const Model to = expanded({{"init", "zero-output"}, {"position", position}}, from, 4);
      CHECK(logits(to, tokens).equal(logits(from, tokens)));
      auto method = make_method("one-layer", {{"init", "zero-output"}, {"position", position}});
      CHECK(method.strategy->plan(from.spec, to.spec).preserving_tol == 0.0);
      const auto grads = gradients(to, tokens);
      const std::string added = std::string("layers.") + (std::string(position) == "top" ? "3." : "0.");
      CHECK(grads.at(added + "attn.o.weight").abs().max().item<double>() > 0);
      CHECK(grads.at(added + "mlp.down.weight").abs().max().item<double>() > 0);
      CHECK(grads.at(added + "attn.q.weight").abs().max().item<double>() == 0);
    }
  }
}
