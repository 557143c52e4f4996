// LayerDrop: keep rates, which layers, scaling, repeatability (Fan et al. 2020).
#include <ATen/ATen.h>

#include "catch.h"
#include "methods/step_shapes.h"
#include "support/tiny_model.h"

using namespace espalier;
using namespace espalier::test;
using Catch::Matchers::Contains;

TEST_CASE("every layer is bypassed with the same probability, independently", "[methods][layerdrop]") {
  constexpr double kSteps = 10000, kDrop = 0.3;
  auto method = make_method("layerdrop", {{"drop_rate", kDrop}});
  const ModelSpec spec = tiny_llama(5);
  CHECK(method.strategy->num_stages(spec) == 1);
  for (const double runs : runs_of_layers(*method.strategy, spec, 0, 10000)) CHECK(within_4_sigma(runs, kSteps, 0.7));
  double neighbours = 0, steps = 0;  // both run: layers 1 and 2 of a step; layer 1 of a step and the next
  for (int64_t step = 0; step < 10000; ++step) {
    const StepShape now = shape_at(*method.strategy, spec, at_step(step));
    const StepShape next = shape_at(*method.strategy, spec, at_step(step + 1));
    neighbours += now.run[1] * now.run[2];
    steps += now.run[1] * next.run[1];
    for (const float scale : now.scale) CHECK(scale == 1.0F);
  }
  CHECK(within_4_sigma(neighbours, kSteps, 0.49));
  // Pairs of steps overlap: the variance of their count is p^2(1-p^2) + 2 p^3(1-p) a step, here 0.456 against 0.250.
  CHECK(std::abs(steps - kSteps * 0.49) < 4 * std::sqrt(kSteps * 0.456));
}

TEST_CASE("every-other never bypasses the first, third, fifth layer", "[methods][layerdrop]") {
  auto method = make_method("layerdrop", {{"drop_rate", 0.5}, {"layers", "every-other"}});
  const std::vector<double> runs = runs_of_layers(*method.strategy, tiny_llama(5), 0, 2000);
  for (size_t i = 0; i < 5; ++i) CHECK(within_4_sigma(runs[i], 2000, i % 2 == 0 ? 1.0 : 0.5));
}

TEST_CASE("layers that run are scaled by 1, 1/p or 1/sqrt(p)", "[methods][layerdrop]") {
  for (const auto& [scaling, factor] : {std::pair{"none", 1.0F}, {"inverse", 1.25F}, {"sqrt", std::sqrt(1.25F)}}) {
    auto method = make_method("layerdrop", {{"drop_rate", 0.2}, {"scaling", scaling}});
    const StepShape shape = shape_at(*method.strategy, tiny_llama(8), at_step(3));
    for (size_t i = 0; i < 8; ++i) CHECK(shape.scale[i] == Approx(shape.run[i] != 0 ? factor : 1.0F));
  }
}

TEST_CASE("the draw is a function of seed and step", "[methods][layerdrop]") {
  const ModelSpec spec = tiny_llama(40);
  auto one = make_method("layerdrop", {{"drop_rate", 0.5}}, 7),
       same = make_method("layerdrop", {{"drop_rate", 0.5}}, 7);
  auto other = make_method("layerdrop", {{"drop_rate", 0.5}}, 8);
  const StepShape third = shape_at(*one.strategy, spec, at_step(3));
  CHECK(shape_at(*one.strategy, spec, at_step(4)) != third);
  CHECK(shape_at(*same.strategy, spec, at_step(3)) == third);  // the other object was never at step 1 or 2
  CHECK(shape_at(*other.strategy, spec, at_step(3)) != third);
}

TEST_CASE("a drop rate of 0 leaves the step alone, one of 1 is refused", "[methods][layerdrop]") {
  auto none = make_method("layerdrop", {{"drop_rate", 0.0}, {"scaling", "inverse"}});
  const ModelSpec spec = tiny_llama(4);
  for (int64_t step = 0; step < 100; ++step) CHECK(shape_at(*none.strategy, spec, at_step(step)) == everything(spec));
  CHECK_THAT(error_of([] { make_method("layerdrop", {{"drop_rate", 1.0}}); }), Contains("never run"));
}

TEST_CASE("a plan between equal shapes changes nothing", "[methods][layerdrop]") {
  auto method = make_method("layerdrop", {{"drop_rate", 0.5}});
  const Model from = random_model(tiny_gpt2(2), 1), to = grow(*method.strategy, from, tiny_gpt2(2));
  for (const auto& param : to.params) CHECK(param.value.equal(from.params.at(param.info.name)));
  CHECK(to.state.size() == from.state.size());
}
