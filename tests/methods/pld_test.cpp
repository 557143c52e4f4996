// Progressive Layer Dropping: p_i(t) = 1 - (i/L)(1 - theta(t)) (Zhang and He 2020).
#include <ATen/ATen.h>

#include "catch.h"
#include "methods/step_shapes.h"
#include "support/tiny_model.h"

using namespace espalier;
using namespace espalier::test;
using Catch::Matchers::Contains;

namespace {

// With scaling "inverse" the factor on a layer that runs is 1 / p_i(t): the probability, read off exactly.
void check_probabilities(growth::Strategy& strategy, int64_t num_layers, double theta_bar, double gamma,
                         int64_t count_from) {
  const ModelSpec spec = tiny_llama(num_layers);
  for (const int64_t step : {0, 1, 10, 100, 1000}) {
    const StepShape shape = shape_at(strategy, spec, at_step(step));
    const double theta = (1 - theta_bar) * std::exp(-gamma * static_cast<double>(step)) + theta_bar;
    for (int64_t i = 0; i < num_layers; ++i) {
      const auto layer = static_cast<size_t>(i);
      if (shape.run[layer] == 0) continue;
      const double share = static_cast<double>(i + count_from) / static_cast<double>(num_layers);
      CHECK(shape.scale[layer] == Approx(1 / (1 - share * (1 - theta))));
    }
  }
}

}  // namespace

TEST_CASE("the keep probability falls with depth and time as the formula says", "[methods][pld]") {
  auto absolute = make_method("pld", {{"theta_bar", 0.4}, {"gamma", 0.01}, {"count_from", 1}});
  check_probabilities(*absolute.strategy, 6, 0.4, 0.01, 1);
  auto per_run = make_method("pld", {{"theta_bar", 0.4}, {"gamma_total", 20.0}, {"count_from", 1}});
  check_probabilities(*per_run.strategy, 6, 0.4, 20.0 / 1000, 1);
  auto from_zero = make_method("pld", {{"theta_bar", 0.4}, {"gamma", 0.01}});
  check_probabilities(*from_zero.strategy, 6, 0.4, 0.01, 0);
}

TEST_CASE("at the end layer i runs at rate 1 - (i/L)(1 - theta_bar)", "[methods][pld]") {
  constexpr int64_t kSteps = 10000, kLayers = 5;
  for (const int count_from : {0, 1}) {
    auto method = make_method("pld", {{"theta_bar", 0.5}, {"gamma", 1.0}, {"count_from", count_from}});
    const std::vector<double> runs = runs_of_layers(*method.strategy, tiny_llama(kLayers), 0, kSteps, 1000);
    for (size_t i = 0; i < kLayers; ++i) {
      const double keep = 1 - (static_cast<double>(i) + count_from) / kLayers * 0.5;
      CHECK(within_4_sigma(runs[i], kSteps, keep));
    }
  }
}

TEST_CASE("the first step runs everything, and theta_bar 1 always does", "[methods][pld]") {
  const ModelSpec spec = tiny_llama(12);
  auto method = make_method("pld", {});
  CHECK(shape_at(*method.strategy, spec, at_step(0)) == everything(spec));
  CHECK(shape_at(*method.strategy, spec, at_step(500)) != everything(spec));
  auto never = make_method("pld", {{"theta_bar", 1.0}});
  for (int64_t step = 0; step < 200; ++step) CHECK(shape_at(*never.strategy, spec, at_step(step)) == everything(spec));
}

TEST_CASE("as in DeepSpeed's code the first layer always runs, and what runs is scaled so that its mean stays 1",
          "[methods][pld]") {
  constexpr int64_t kSteps = 10000, kLayers = 5;
  auto method = make_method("pld", {{"gamma", 1.0}});
  std::vector<double> runs(kLayers, 0), scaled(kLayers, 0);
  for (int64_t step = 1000; step < 1000 + kSteps; ++step) {
    const StepShape shape = shape_at(*method.strategy, tiny_llama(kLayers), at_step(step));
    for (size_t i = 0; i < kLayers; ++i) {
      runs[i] += shape.run[i];
      scaled[i] += shape.run[i] != 0 ? shape.scale[i] : 0;
    }
  }
  CHECK(runs[0] == kSteps);
  CHECK(scaled[0] == kSteps);
  for (size_t i = 1; i < kLayers; ++i) {
    const double keep = runs[i] / kSteps;
    CHECK(keep < runs[i - 1] / kSteps);
    CHECK(keep > 0.5);
    // The mean of run * scale is 1; its standard deviation sqrt((1 - p) / p / n).
    CHECK(std::abs(scaled[i] / kSteps - 1) < 4 * std::sqrt((1 - keep) / keep / kSteps));
  }
  auto unscaled = make_method("pld", {{"gamma", 1.0}, {"scaling", "none"}, {"count_from", 1}});
  CHECK(runs_of_layers(*unscaled.strategy, tiny_llama(kLayers), 0, kSteps, 1000)[0] < kSteps);
  for (const float scale : shape_at(*unscaled.strategy, tiny_llama(kLayers), at_step(900)).scale) CHECK(scale == 1);
}

TEST_CASE("PLD draws by seed and step alone", "[methods][pld]") {
  const ModelSpec spec = tiny_llama(40);
  auto one = make_method("pld", {}, 7), same = make_method("pld", {}, 7), other = make_method("pld", {}, 8);
  const StepShape late = shape_at(*one.strategy, spec, at_step(700));
  CHECK(shape_at(*one.strategy, spec, at_step(701)) != late);
  CHECK(shape_at(*same.strategy, spec, at_step(700)) == late);
  CHECK(shape_at(*other.strategy, spec, at_step(700)) != late);
}

TEST_CASE("PLD refuses rates that say nothing", "[methods][pld]") {
  CHECK_THAT(error_of([] { make_method("pld", {{"gamma_total", 0.0}}); }), Contains("gamma_total"));
  auto method = make_method("pld", {});
  Progress open_ended = at_step(3);
  open_ended.total_steps = 0;
  CHECK_THAT(error_of([&] { shape_at(*method.strategy, tiny_llama(4), open_ended); }), Contains("give gamma"));
}
