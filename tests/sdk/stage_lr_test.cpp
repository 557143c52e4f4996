// What a growth does to the learning rate: continue, rewarm, restart, rewind.
#include <cmath>

#include "catch.h"
#include "sdk/schedule_run.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

const std::vector<std::string> kLr = {"lr"};
const std::vector<std::string> kNames = {"cosine", "wsd"};

/// Where a run of 100 steps with stages of 20, 30 and 50 steps is.
esp_progress at_step(std::uint64_t step) {
  const std::vector<std::uint64_t> starts = {0, 20, 50, 100};
  esp_progress at = run_start(100, 3);
  at.step = step;
  while (at.stage + 1 < 3 && starts[at.stage + 1] <= step) ++at.stage;
  at.stage_step = step - starts[at.stage];
  at.stage_total_steps = starts[at.stage + 1] - starts[at.stage];
  return at;
}

BoundSchedule bound(PluginLibrary& library, const FakeConfig::Overrides& params) {
  return BoundSchedule(library, params, run_start(100, 3), kLr);
}

double lr(BoundSchedule& schedule, const esp_progress& at) {
  return schedule.values(at)[0];
}

}  // namespace

TEST_CASE("without on_growth a growth does not touch the learning rate", "[sdk][schedule][on_growth]") {
  for (const std::string& name : kNames) {
    PluginLibrary library(plugin_path(name));
    BoundSchedule schedule = bound(library, {{"warmup", "\"5st\""}});
    BoundSchedule one_stage(library, {{"warmup", "\"5st\""}}, run_start(100, 1), kLr);
    for (std::uint64_t step = 0; step <= 100; ++step) CHECK(lr(schedule, at_step(step)) == one_stage.at_step(step));
  }
}

TEST_CASE("rewarm multiplies by a linear rise after each growth and then continues", "[sdk][schedule][on_growth]") {
  for (const std::string& name : kNames) {
    PluginLibrary library(plugin_path(name));
    BoundSchedule plain = bound(library, {{"warmup", "\"5st\""}});
    BoundSchedule rewarmed =
        bound(library, {{"warmup", "\"5st\""}, {"on_growth", "\"rewarm\""}, {"rewarm", "\"8st\""}});
    for (std::uint64_t step = 0; step < 100; ++step) {
      const esp_progress at = at_step(step);
      const bool rises = at.stage > 0 && at.stage_step < 8;
      const double factor = rises ? static_cast<double>(at.stage_step + 1) / 8 : 1;
      INFO(name << " step " << step);
      CHECK(lr(rewarmed, at) == Approx(factor * lr(plain, at)).epsilon(1e-15));
    }
    CHECK(lr(rewarmed, at_step(27)) == lr(plain, at_step(27)));  // the last step of the rise is at full height
    CHECK(lr(rewarmed, at_step(20)) > 0);
  }
}

TEST_CASE("restart runs the whole schedule over each stage", "[sdk][schedule][on_growth]") {
  for (const std::string& name : kNames) {
    PluginLibrary library(plugin_path(name));
    BoundSchedule schedule = bound(
        library, {{"warmup", "\"5st\""}, {"on_growth", "\"restart\""}, {"rewarm", "\"10st\""}, {"min_ratio", "0.05"}});
    const std::uint64_t starts[] = {0, 20, 50, 100};
    for (std::uint32_t stage = 0; stage < 3; ++stage) {
      INFO(name << " stage " << stage);
      const std::uint64_t rise = stage == 0 ? 5 : 10;
      for (std::uint64_t step = 0; step < rise; ++step) {
        CHECK(lr(schedule, at_step(starts[stage] + step)) ==
              Approx(static_cast<double>(step + 1) / static_cast<double>(rise)));
      }
      CHECK(lr(schedule, at_step(starts[stage] + rise)) == 1.0);
      for (std::uint64_t step = starts[stage] + rise; step + 1 < starts[stage + 1]; ++step) {
        CHECK(lr(schedule, at_step(step + 1)) <= lr(schedule, at_step(step)));
      }
      esp_progress end = at_step(starts[stage + 1] - 1);
      end.step += 1;
      end.stage_step += 1;
      CHECK(lr(schedule, end) == 0.05);
      CHECK(lr(schedule, at_step(starts[stage + 1] - 1)) > 0.05);
    }
  }
}

TEST_CASE("restart scales the schedule's own durations with the stage", "[sdk][schedule][on_growth]") {
  PluginLibrary cosine(plugin_path("cosine"));
  BoundSchedule half = bound(cosine, {{"on_growth", "\"restart\""}, {"decay_end", "\"0.5dur\""}});
  CHECK(lr(half, at_step(9)) > 0.1);
  CHECK(lr(half, at_step(10)) == 0.1);
  CHECK(lr(half, at_step(20)) == 1.0);
  CHECK(lr(half, at_step(34)) > 0.1);
  CHECK(lr(half, at_step(35)) == 0.1);
  PluginLibrary wsd(plugin_path("wsd"));
  BoundSchedule fifth = bound(wsd, {{"on_growth", "\"restart\""}, {"decay", "\"0.2dur\""}});
  CHECK(lr(fifth, at_step(44)) == 1.0);  // stage 2: 30 steps from 20, the last 6 decay
  CHECK(lr(fifth, at_step(47)) == Approx(0.5));
}

TEST_CASE("restart decays to the end of the run where the last stage opened early", "[sdk][schedule][on_growth]") {
  for (const std::string& name : kNames) {
    PluginLibrary library(plugin_path(name));
    BoundSchedule schedule = bound(library, {{"on_growth", "\"restart\""}, {"min_ratio", "0.0"}});
    esp_progress at = run_start(100, 3);
    at.stage = 2;
    at.stage_total_steps = 50;  // the plan said that it begins at step 50; it began at 40
    for (at.step = 40; at.step < 100; ++at.step) {
      at.stage_step = at.step - 40;
      CHECK(lr(schedule, at) > 0);
    }
    at.stage_step = 60;
    CHECK(lr(schedule, at) == 0);
  }
}

TEST_CASE("rewind is the published formula of MSG", "[sdk][schedule][on_growth]") {
  // lr = peak (T - t + s - w) / (T - w) after a growth at s: arXiv 2305.02869's code
  PluginLibrary library(plugin_path("wsd"));
  BoundSchedule schedule =
      bound(library, {{"warmup", "\"10st\""}, {"decay", "\"0.9dur\""}, {"on_growth", "\"rewind\""}});
  for (std::uint64_t t = 20; t < 100; ++t) {
    const double s = t < 50 ? 20 : 50;
    CHECK(lr(schedule, at_step(t)) == Approx((100 - static_cast<double>(t) + s - 10) / 90));
  }
  CHECK(lr(schedule, at_step(19)) == Approx((100.0 - 19) / 90));
  BoundSchedule with_rise = bound(
      library, {{"warmup", "\"10st\""}, {"decay", "\"0.9dur\""}, {"on_growth", "\"rewind\""}, {"rewarm", "\"4st\""}});
  CHECK(lr(with_rise, at_step(21)) == Approx(0.5 * 89 / 90));
  CHECK(lr(with_rise, at_step(24)) == lr(schedule, at_step(24)));
}

TEST_CASE("a resumed run gets the same learning rates", "[sdk][schedule][on_growth]") {
  for (const std::string& name : kNames) {
    for (const std::string mode : {"rewarm", "restart", "rewind"}) {
      PluginLibrary library(plugin_path(name));
      CHECK((library.desc().claims & ESP_CLAIM_STATELESS) != 0);
      const FakeConfig::Overrides params = {{"on_growth", "\"" + mode + "\""}, {"rewarm", "\"3st\""}};
      BoundSchedule whole = bound(library, params);
      for (std::uint64_t step = 0; step < 100; ++step) {
        BoundSchedule resumed = bound(library, params);
        CHECK(lr(resumed, at_step(step)) == lr(whole, at_step(step)));
      }
    }
  }
}

TEST_CASE("on_growth refuses what cannot be, with words", "[sdk][schedule][on_growth]") {
  for (const std::string& name : kNames) {
    PluginLibrary library(plugin_path(name));
    CHECK_THROWS_WITH(bound(library, {{"rewarm", "\"5st\""}}), Contains("continue"));
    CHECK_THROWS_AS(library.create({{"on_growth", "\"again\""}}), std::invalid_argument);

    BoundSchedule restart = bound(library, {{"on_growth", "\"restart\""}, {"rewarm", "\"40st\""}});
    CHECK_THROWS_WITH(lr(restart, at_step(20)), Contains("40") && Contains("30") && Contains("stage 2"));
    CHECK_NOTHROW(lr(restart, at_step(50)));
    esp_progress open_ended = at_step(5);
    open_ended.stage_total_steps = 0;
    CHECK_THROWS_WITH(lr(restart, open_ended), Contains("open-ended"));

    BoundSchedule rewarm = bound(library, {{"on_growth", "\"rewarm\""}, {"rewarm", "\"40st\""}});
    CHECK_THROWS_WITH(lr(rewarm, at_step(20)), Contains("40") && Contains("30"));
    CHECK_NOTHROW(lr(rewarm, at_step(50)));
  }
}
