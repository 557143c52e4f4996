// Constant, linear, inverse-square-root and WSD-S learning rates against other implementations and closed forms.
#include <cmath>
#include <map>

#include "catch.h"
#include "sdk/schedule_run.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

const std::vector<std::string> kLr = {"lr"};

}  // namespace

TEST_CASE("warm-ups are linear, never zero, and end at the peak", "[sdk][schedule]") {
  for (const std::string name : {"constant", "linear", "inverse-sqrt", "wsd-s"}) {
    PluginLibrary library(plugin_path(name));
    BoundSchedule schedule(library, {{"warmup", "\"10st\""}}, run_start(200), kLr);
    for (std::uint64_t step = 0; step < 10; ++step) {
      CHECK(schedule.at_step(step) == Approx(static_cast<double>(step + 1) / 10));
    }
    CHECK(schedule.at_step(10) == 1.0);
    BoundSchedule none(library, {}, run_start(200), kLr);
    CHECK(none.at_step(0) == 1.0);
  }
}

TEST_CASE("a constant rate stays", "[sdk][schedule][constant]") {
  PluginLibrary library(plugin_path("constant"));
  BoundSchedule schedule(library, {{"warmup", "\"0.1dur\""}}, run_start(100), kLr);
  for (std::uint64_t step = 10; step < 130; ++step) CHECK(schedule.at_step(step) == 1.0);
}

// Golden values: transformers 5.24.0, get_inverse_sqrt_schedule(optimizer, num_warmup_steps, timescale), lr 1.0.
TEST_CASE("inverse-sqrt equals the Transformers library after the warm-up", "[sdk][schedule][inverse-sqrt]") {
  using Golden = std::map<std::uint64_t, double>;
  PluginLibrary library(plugin_path("inverse-sqrt"));
  const std::vector<std::pair<FakeConfig::Overrides, Golden>> cases = {
      {{{"warmup", "\"10st\""}},
       {{10, 1.0},
        {11, 0.9534625892455922},
        {20, 0.7071067811865475},
        {50, 0.4472135954999579},
        {99, 0.3178208630818641},
        {199, 0.22416791983111015}}},
      {{}, {{10, 0.9995003746877732}, {50, 0.9975093361076329}, {199, 0.9901960831901003}}},
      {{{"warmup", "\"10st\""}, {"timescale", "\"40st\""}},
       {{10, 1.0}, {11, 0.9877295966495897}, {50, 0.7071067811865475}, {199, 0.4179383795285729}}}};
  for (const auto& [params, golden] : cases) {
    BoundSchedule schedule(library, params, run_start(200), kLr);
    for (const auto& [step, value] : golden) CHECK(schedule.at_step(step) == Approx(value).epsilon(1e-14));
  }
}

// Golden values: transformers 5.24.0, get_linear_schedule_with_warmup(optimizer, 10, 200), lr 1.0.
TEST_CASE("linear equals the Transformers library after the warm-up", "[sdk][schedule][linear]") {
  PluginLibrary library(plugin_path("linear"));
  BoundSchedule schedule(library, {{"warmup", "\"10st\""}}, run_start(200), kLr);
  const std::map<std::uint64_t, double> golden = {{10, 1.0},  {11, 0.9947368421052631},  {50, 0.7894736842105263},
                                                  {105, 0.5}, {150, 0.2631578947368421}, {199, 0.005263157894736842}};
  for (const auto& [step, value] : golden) CHECK(schedule.at_step(step) == Approx(value).epsilon(1e-14));
  for (const std::string min_ratio : {"0.0", "0.1", "1.0"}) {
    BoundSchedule early(library, {{"decay_end", "\"0.5dur\""}, {"min_ratio", min_ratio}}, run_start(100), kLr);
    CHECK(early.at_step(0) == 1.0);
    CHECK(early.at_step(50) == std::stod(min_ratio));
    CHECK(early.at_step(100) == std::stod(min_ratio));
    CHECK(early.at_step(25) == Approx((1 + std::stod(min_ratio)) / 2));
  }
}

TEST_CASE("wsd-s returns to the peak after each decay", "[sdk][schedule][wsd-s]") {
  PluginLibrary library(plugin_path("wsd-s"));
  for (const std::string type : {"linear", "sqrt", "cosine", "inverse"}) {
    BoundSchedule schedule(library, {{"warmup", "\"10st\""}, {"decay_type", "\"" + type + "\""}}, run_start(400), kLr);
    std::uint64_t begin = 10;
    for (const std::uint64_t end : {100u, 200u, 400u}) {
      const std::uint64_t decay = end / 10;  // a tenth of all steps up to the end
      INFO(type << " period until " << end);
      for (std::uint64_t step = begin; step <= end - decay; ++step) CHECK(schedule.at_step(step) == 1.0);
      for (std::uint64_t step = end - decay; step + 1 < end; ++step) {
        CHECK(schedule.at_step(step + 1) < schedule.at_step(step));
        CHECK(schedule.at_step(step + 1) > 0.1);
      }
      const double middle = type == "sqrt" ? 1 - 0.9 * std::sqrt(0.5) : type == "inverse" ? 2 / 11.0 : 0.55;
      CHECK(schedule.at_step(end - decay / 2) == Approx(middle));  // inverse: 1/lr halfway between 1 and 10
      begin = end;
    }
    CHECK(schedule.at_step(400) == Approx(0.1).epsilon(1e-15));
  }
}

TEST_CASE("wsd-s with one period is wsd", "[sdk][schedule][wsd-s]") {
  PluginLibrary several(plugin_path("wsd-s")), one(plugin_path("wsd"));
  BoundSchedule a(several, {{"ends", "[1.0]"}, {"decay", "0.2"}, {"warmup", "\"7st\""}}, run_start(150), kLr);
  BoundSchedule b(one, {{"min_ratio", "0.1"}, {"warmup", "\"7st\""}}, run_start(150), kLr);
  for (std::uint64_t step = 0; step <= 160; ++step) CHECK(a.at_step(step) == Approx(b.at_step(step)).epsilon(1e-14));
}

TEST_CASE("these learning rates take part in what a growth does", "[sdk][schedule][on_growth]") {
  for (const std::string name : {"constant", "linear", "inverse-sqrt", "wsd-s"}) {
    PluginLibrary library(plugin_path(name));
    BoundSchedule plain(library, {}, run_start(200, 2), kLr);
    BoundSchedule rewarmed(library, {{"on_growth", "\"rewarm\""}, {"rewarm", "\"4st\""}}, run_start(200, 2), kLr);
    BoundSchedule restarted(library, {{"on_growth", "\"restart\""}}, run_start(200, 2), kLr);
    esp_progress at = run_start(200, 2);
    at.stage = 1;
    at.stage_total_steps = 100;
    for (std::uint64_t step = 100; step < 110; ++step) {
      at.step = step;
      at.stage_step = step - 100;
      const double rise = std::min(1.0, static_cast<double>(at.stage_step + 1) / 4);
      CHECK(rewarmed.values(at)[0] == Approx(rise * plain.values(at)[0]));
    }
    at.step = 100;
    at.stage_step = 0;
    CHECK(restarted.values(at)[0] == 1.0);
  }
}

TEST_CASE("these learning rates refuse what they cannot do, with words", "[sdk][schedule]") {
  for (const std::string name : {"constant", "linear", "inverse-sqrt", "wsd-s"}) {
    PluginLibrary library(plugin_path(name));
    CHECK_THROWS_WITH(BoundSchedule(library, {}, run_start(100), {"growth.stage"}), Contains("growth.stage"));
    CHECK_THROWS_WITH(BoundSchedule(library, {}, run_start(0), kLr), Contains("number of steps"));
    CHECK_THROWS_WITH(BoundSchedule(library, {{"warmup", "\"200st\""}}, run_start(100), kLr), Contains("200"));
  }
  PluginLibrary library(plugin_path("wsd-s"));
  for (const std::string ends : {"[]", "[0.5]", "[0.5, 0.5, 1.0]", "[0.6, 0.3, 1.0]"}) {
    CHECK_THROWS_AS(library.create({{"ends", ends}}), PluginError);
  }
  CHECK_THROWS_AS(library.create({{"decay_type", "\"inverse\""}, {"min_ratio", "0.0"}}), PluginError);
  CHECK_THROWS_WITH(BoundSchedule(library, {{"ends", "[0.9, 1.0]"}, {"decay", "0.2"}}, run_start(100), kLr),
                    Contains("period 2") && Contains("20 steps") && Contains("at step 90"));
}
