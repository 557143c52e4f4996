// RaPTr: probabilities, repeatability, and that a step neither reads nor trains what it leaves out.
#include <ATen/ATen.h>

#include <limits>
#include <numeric>

#include "catch.h"
#include "methods/step_shapes.h"
#include "support/tiny_model.h"

using namespace espalier;
using namespace espalier::test;
using Catch::Matchers::Contains;

namespace {

using List = std::vector<int64_t>;

}  // namespace

TEST_CASE("RaPTr has one stage for each path length and a full one, all of one shape", "[methods][raptr]") {
  auto raptr = make_method("raptr", {{"path_lengths", List{6, 8, 10}}});
  const ModelSpec spec = tiny_llama(12);
  REQUIRE(raptr.strategy->num_stages(spec) == 4);
  for (int64_t stage = 0; stage < 4; ++stage) CHECK(raptr.strategy->stage_spec(spec, stage) == spec);
  CHECK(raptr.strategy->shapes_steps());
}

TEST_CASE("p = 1, the last stage and the warm-up leave the step alone", "[methods][raptr]") {
  const ModelSpec spec = tiny_llama(6);
  for (const char* scaling : {"none", "inverse", "sqrt", "sqrt-path"}) {
    auto raptr = make_method("raptr", {{"path_lengths", List{4, 6}}, {"scaling", scaling}, {"warmup", "20st"}});
    for (int64_t step = 0; step < 200; ++step) {
      CHECK(shape_at(*raptr.strategy, spec, at_step(step, 1)) == everything(spec));
      CHECK(shape_at(*raptr.strategy, spec, at_step(step, 2)) == everything(spec));
      if (step < 20) CHECK(shape_at(*raptr.strategy, spec, at_step(step, 0)) == everything(spec));
    }
    CHECK(runs_of_layers(*raptr.strategy, spec, 0, 100, 20)[2] < 100);
  }
}

TEST_CASE("fixed layers always run, the others at rate (q - |I|) / (L - |I|)", "[methods][raptr]") {
  constexpr int64_t kSteps = 10000, kLayers = 12;
  auto raptr = make_method("raptr", {{"path_lengths", List{6, 8, 10}}});
  for (int64_t stage = 0; stage < 3; ++stage) {
    const double q = 6 + 2 * static_cast<double>(stage), p = (q - 2) / (kLayers - 2);
    const std::vector<double> runs = runs_of_layers(*raptr.strategy, tiny_llama(kLayers), stage, kSteps);
    for (size_t i = 0; i < kLayers; ++i) CHECK(within_4_sigma(runs[i], kSteps, i == 0 || i == kLayers - 1 ? 1 : p));
    const double path = std::accumulate(runs.begin(), runs.end(), 0.0) / kSteps;
    CHECK(std::abs(path - q) < 4 * std::sqrt((kLayers - 2) * p * (1 - p) / kSteps));
  }
  auto other = make_method("raptr", {{"path_lengths", List{5}}, {"fixed_first", 3}, {"fixed_last", 0}});
  const std::vector<double> runs = runs_of_layers(*other.strategy, tiny_llama(8), 0, 2000);
  for (size_t i = 0; i < 8; ++i) CHECK(within_4_sigma(runs[i], 2000, i < 3 ? 1 : 0.4));
}

TEST_CASE("draws are independent between layers and between steps", "[methods][raptr]") {
  constexpr int64_t kSteps = 10000;
  auto raptr = make_method("raptr", {{"path_lengths", List{7}}});  // p = 0.5 of ten layers
  const ModelSpec spec = tiny_llama(12);
  double layers = 0, steps = 0;
  for (int64_t step = 0; step < kSteps; ++step) {
    const StepShape now = shape_at(*raptr.strategy, spec, at_step(2 * step));
    const StepShape next = shape_at(*raptr.strategy, spec, at_step(2 * step + 1));
    layers += now.run[3] == now.run[4] ? 1 : 0;
    steps += now.run[3] == next.run[3] ? 1 : 0;
  }
  CHECK(within_4_sigma(layers, kSteps, 0.5));
  CHECK(within_4_sigma(steps, kSteps, 0.5));
}

TEST_CASE("the same seed gives the same masks, another one others", "[methods][raptr]") {
  const Settings settings = {{"path_lengths", List{21}}};
  const ModelSpec spec = tiny_llama(40);
  auto one = make_method("raptr", settings, 7), same = make_method("raptr", settings, 7);
  auto other = make_method("raptr", settings, 8);
  shape_at(*one.strategy, spec, at_step(0));
  const StepShape fifth = shape_at(*one.strategy, spec, at_step(5));
  CHECK(shape_at(*same.strategy, spec, at_step(5)) == fifth);  // as a run that resumes at step 5
  CHECK(shape_at(*one.strategy, spec, at_step(6)) != fifth);
  CHECK(shape_at(*other.strategy, spec, at_step(5)) != fifth);
}

TEST_CASE("layers that run are scaled by the rule", "[methods][raptr]") {
  const ModelSpec spec = tiny_llama(12);
  const auto shape_with = [&](const char* scaling) {
    auto raptr = make_method("raptr", {{"path_lengths", List{6}}, {"scaling", scaling}});
    return shape_at(*raptr.strategy, spec, at_step(11));
  };
  const StepShape none = shape_with("none"), inverse = shape_with("inverse"), root = shape_with("sqrt");
  const StepShape path = shape_with("sqrt-path");
  const double num_run = std::accumulate(none.run.begin(), none.run.end(), 0.0);
  REQUIRE(num_run < 12);
  for (size_t i = 0; i < 12; ++i) {
    CHECK(inverse.run[i] == none.run[i]);  // the scaling does not touch the draw
    if (none.run[i] == 0) continue;
    const bool fixed = i == 0 || i == 11;
    CHECK(none.scale[i] == 1.0F);
    CHECK(inverse.scale[i] == Approx(fixed ? 1.0 : 1 / 0.4));
    CHECK(root.scale[i] == Approx(fixed ? 1.0 : 1 / std::sqrt(0.4)));
    CHECK(path.scale[i] == Approx(std::sqrt(12 / num_run)));
  }
}

TEST_CASE("a bypassed layer is neither read nor trained", "[methods][raptr]") {
  const ModelSpec spec = tiny_gpt2(6);
  auto raptr = make_method("raptr", {{"path_lengths", List{3}}});
  const StepShape shape = shape_at(*raptr.strategy, spec, at_step(1));
  const Model model = random_model(spec, 1);
  const at::Tensor tokens = random_tokens(spec, 2, 5);
  Model broken = model;
  broken.params = model.params.transformed([&](const Param& param) {
    const bool bypassed = param.info.layer >= 0 && shape.run[static_cast<size_t>(param.info.layer)] == 0;
    return bypassed ? at::full_like(param.value, std::numeric_limits<double>::quiet_NaN()) : param.value;
  });
  CHECK(logits(broken, tokens, shape).equal(logits(model, tokens, shape)));
  const auto grads = gradients(broken, tokens, shape);
  for (const auto& param : model.params) {
    const bool runs = param.info.layer < 0 || shape.run[static_cast<size_t>(param.info.layer)] != 0;
    CHECK((grads.count(param.info.name) == 1) == runs);
  }
}

TEST_CASE("RaPTr refuses paths and fractions that cannot be", "[methods][raptr]") {
  const auto refusal = [](const Settings& settings, int64_t depth = 12) {
    return error_of([&] { make_method("raptr", settings).strategy->num_stages(tiny_llama(depth)); });
  };
  CHECK_THAT(refusal({{"path_lengths", List{}}}), Contains("empty"));
  CHECK_THAT(refusal({{"path_lengths", List{1, 8}}}), Contains("fixed"));
  CHECK_THAT(refusal({{"path_lengths", List{8, 6}}}), Contains("6.0 follows 8.0"));
  CHECK_THAT(refusal({{"path_lengths", List{8, 14}}}), Contains("14") && Contains("12"));
  CHECK_THAT(refusal({{"path_lengths", List{8}}, {"fixed_last", 7}}, 6), Contains("8 fixed layers"));
  CHECK_THAT(refusal({{"path_lengths", List{6, 8}}, {"mlp_fraction", reals({0.5})}}), Contains("mlp_fraction has 1"));
  CHECK_THAT(refusal({{"path_lengths", List{6}}, {"head_fraction", reals({0.5})}}),
             Contains("4 heads") && Contains("2 KV heads"));
  CHECK(refusal({{"path_lengths", List{6}}, {"head_fraction", reals({0.5})}, {"heads_per_group", 2}}) == "no error");
}
