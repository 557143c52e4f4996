// Cosine and warm-up-stable-decay learning rates: end points, shape, refusals.
#include <cmath>

#include "catch.h"
#include "sdk/schedule_run.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

constexpr double kPi = 3.14159265358979323846;
const std::vector<std::string> kLr = {"lr"};

}  // namespace

TEST_CASE("cosine starts at the peak exactly and reaches the minimum exactly after the last step",
          "[sdk][schedule][cosine]") {
  PluginLibrary library(plugin_path("cosine"));
  for (const double peak : {1.0, 3e-4, 0.1}) {
    for (const std::string min_ratio : {"0.0", "0.01", "0.1", "1.0"}) {
      esp_progress start = run_start(1000);
      start.lr_peak = peak;
      BoundSchedule cosine(library, {{"min_ratio", min_ratio}}, start, kLr);
      CHECK(cosine.at_step(0) == peak);
      CHECK(cosine.at_step(1000) == peak * std::stod(min_ratio));
      CHECK(cosine.at_step(5000) == peak * std::stod(min_ratio));
      CHECK(cosine.at_step(500) == Approx(peak * (1 + std::stod(min_ratio)) / 2));
    }
  }
}

TEST_CASE("cosine falls without a rise after the warm-up", "[sdk][schedule][cosine]") {
  PluginLibrary library(plugin_path("cosine"));
  BoundSchedule cosine(library, {{"warmup", "\"0.1dur\""}}, run_start(200), kLr);
  for (std::uint64_t step = 20; step < 220; ++step) CHECK(cosine.at_step(step + 1) <= cosine.at_step(step));
  CHECK(cosine.at_step(199) > 0.1);
  CHECK(cosine.at_step(199) == Approx(0.1 + 0.45 * (1 + std::cos(kPi * 179 / 180))));
}

TEST_CASE("the warm-up is linear, never zero, and ends at the peak", "[sdk][schedule]") {
  for (const std::string name : {"cosine", "wsd"}) {
    PluginLibrary library(plugin_path(name));
    BoundSchedule schedule(library, {{"warmup", "\"10st\""}}, run_start(100), kLr);
    for (std::uint64_t step = 0; step < 10; ++step) {
      CHECK(schedule.at_step(step) == Approx(static_cast<double>(step + 1) / 10));
    }
    CHECK(schedule.at_step(10) == 1.0);
  }
}

TEST_CASE("cosine can end its decay early and stay", "[sdk][schedule][cosine]") {
  PluginLibrary library(plugin_path("cosine"));
  BoundSchedule cosine(library, {{"decay_end", "\"0.5dur\""}}, run_start(100), kLr);
  CHECK(cosine.at_step(49) > 0.1);
  CHECK(cosine.at_step(50) == 0.1);
  CHECK(cosine.at_step(99) == 0.1);
}

TEST_CASE("continued pre-training: the step where a cosine to 1/100 has fallen to a fifth", "[sdk][schedule][cosine]") {
  PluginLibrary library(plugin_path("cosine"));
  BoundSchedule cosine(library, {{"min_ratio", "0.01"}}, run_start(10000), kLr);
  const auto fifth = static_cast<std::uint64_t>(std::ceil(10000 * std::acos(2 * (0.2 - 0.01) / 0.99 - 1) / kPi));
  CHECK(fifth == 7114);
  CHECK(cosine.at_step(fifth) <= 0.2);
  CHECK(cosine.at_step(fifth - 1) > 0.2);
}

TEST_CASE("wsd is flat, then decays to the minimum at the end of the run", "[sdk][schedule][wsd]") {
  PluginLibrary library(plugin_path("wsd"));
  for (const std::string type : {"linear", "sqrt", "cosine"}) {
    BoundSchedule wsd(library, {{"warmup", "\"10st\""}, {"decay_type", "\"" + type + "\""}, {"min_ratio", "0.05"}},
                      run_start(100), kLr);
    for (std::uint64_t step = 10; step <= 80; ++step) CHECK(wsd.at_step(step) == 1.0);
    for (std::uint64_t step = 80; step < 100; ++step) CHECK(wsd.at_step(step + 1) < wsd.at_step(step));
    CHECK(wsd.at_step(100) == 0.05);
    CHECK(wsd.at_step(1000) == 0.05);
    const double fall = type == "sqrt" ? std::sqrt(0.5) : 0.5;
    CHECK(wsd.at_step(90) == Approx(1 - 0.95 * fall));
  }
}

TEST_CASE("wsd without decay stays at the peak", "[sdk][schedule][wsd]") {
  PluginLibrary library(plugin_path("wsd"));
  BoundSchedule wsd(library, {{"decay", "\"0st\""}}, run_start(100), kLr);
  CHECK(wsd.at_step(0) == 1.0);
  CHECK(wsd.at_step(100) == 1.0);
}

TEST_CASE("learning-rate schedules refuse what they cannot do, with words", "[sdk][schedule]") {
  for (const std::string name : {"cosine", "wsd"}) {
    PluginLibrary library(plugin_path(name));
    CHECK_THROWS_WITH(BoundSchedule(library, {}, run_start(100), {"growth.stage"}), Contains("growth.stage"));
    CHECK_THROWS_WITH(BoundSchedule(library, {}, run_start(100), {"lr", "lr"}), Contains("lr"));
    CHECK_THROWS_WITH(BoundSchedule(library, {}, run_start(0), kLr), Contains("number of steps"));
    CHECK_THROWS_WITH(BoundSchedule(library, {{"warmup", "\"200st\""}}, run_start(100), kLr), Contains("200"));
    CHECK_THROWS_AS(library.create({{"min_ratio", "1.5"}}), std::invalid_argument);
    const Object unbound = library.create();
    const esp_progress at = run_start(100);
    double out = 0;
    CHECK_THROWS_WITH(call_ok(unbound.table<esp_schedule>().value, unbound.self(), &at, &out), Contains("bind"));
  }
}
