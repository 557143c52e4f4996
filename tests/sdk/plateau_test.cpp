// The growth trigger that follows the loss: when it fires, and that a resumed run fires at the same step.
#include <cmath>
#include <functional>

#include "catch.h"
#include "sdk/schedule_run.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

using Steps = std::vector<std::uint64_t>;

/// A host that trains: asks for the stage of each step, then reports the step's loss.
class Run {
 public:
  Run(PluginLibrary& library, FakeConfig::Overrides params, std::uint64_t total, std::uint32_t stages)
      : at_(run_start(total, stages)), schedule_(library, params, at_, {"growth.stage"}) {}

  /// The loss of a step, by its number and the steps of its stage before it.
  std::function<double(std::uint64_t, std::uint64_t)> loss = [](std::uint64_t, std::uint64_t) { return 3.0; };
  /// The phase of a step, by the steps of its stage before it and the stage.
  std::function<std::uint32_t(std::uint64_t, std::uint32_t)> phase = [](std::uint64_t, std::uint32_t) { return 0u; };

  void train_until(std::uint64_t end) {
    while (at_.step < end) {
      const auto stage = static_cast<std::uint32_t>(schedule_.values(at_)[0]);
      CHECK(stage >= at_.stage);
      if (stage > at_.stage) starts_.push_back(at_.step);
      at_.stage = stage;
      const std::uint64_t begin = starts_.empty() ? 0 : starts_.back();
      const double value = loss(at_.step, at_.step - begin);
      at_.step += 1;
      at_.stage_step = at_.step - begin;
      at_.flops = 1e6 * static_cast<double>(at_.step);
      at_.phase = phase(at_.stage_step, at_.stage);
      const esp_str names[] = {espalier::sdk::str("train/grad_norm"), espalier::sdk::str("train/loss")};
      const double values[] = {1.0, value};
      call_ok(schedule_.table().observe, schedule_.object().self(), &at_, names, values, 2u);
    }
  }

  /// First steps of the stages after the first, as they happened.
  const Steps& starts() const { return starts_; }
  /// First steps of the stages after the first, as the schedule tells a planner now.
  Steps plan() {
    Steps out;
    double before = 0;
    for (std::uint64_t step = 0; step < at_.total_steps; ++step) {
      const double stage = schedule_.at_step(step);
      for (; before < stage; before += 1) out.push_back(step);
    }
    return out;
  }
  std::string save() const { return schedule_.object().save(); }
  /// Continues the run of another object from its state.
  void resume(const Run& other) {
    schedule_.object().load(other.save(), 1);
    at_ = other.at_;
    starts_ = other.starts_;
  }

 private:
  esp_progress at_;
  BoundSchedule schedule_;
  Steps starts_;
};

/// A noisy falling loss, the same for the same step.
double noisy(std::uint64_t step, std::uint64_t stage_step) {
  const double noise = static_cast<double>((step * 2654435761u) % 1000) / 1000 - 0.5;
  return 3 + 2 * std::exp(-static_cast<double>(stage_step) / 15) + 0.05 * noise;
}

}  // namespace

TEST_CASE("a plan without losses shows the latest boundaries", "[sdk][schedule][plateau]") {
  PluginLibrary library(plugin_path("plateau"));
  CHECK(Run(library, {{"max_stage", "\"70st\""}}, 300, 4).plan() == Steps{70, 140, 210});
  CHECK(Run(library, {}, 300, 4).plan() == Steps{75, 150, 225});  // by default stages of equal length
  CHECK(Run(library, {}, 300, 1).plan().empty());
}

TEST_CASE("a loss that never falls opens each stage after the window, or after min_stage", "[sdk][schedule][plateau]") {
  PluginLibrary library(plugin_path("plateau"));
  Run early(library, {{"window", "\"10st\""}}, 300, 4);
  early.train_until(300);
  CHECK(early.starts() == Steps{10, 20, 30});
  Run late(library, {{"window", "\"10st\""}, {"min_stage", "\"25st\""}}, 300, 4);
  late.train_until(300);
  CHECK(late.starts() == Steps{25, 50, 75});
  CHECK(late.plan() == late.starts());
}

TEST_CASE("a loss that keeps falling opens each stage at max_stage", "[sdk][schedule][plateau]") {
  PluginLibrary library(plugin_path("plateau"));
  Run run(library, {{"window", "\"10st\""}, {"max_stage", "\"60st\""}}, 300, 4);
  run.loss = [](std::uint64_t step, std::uint64_t) { return 9 * std::exp(-0.01 * static_cast<double>(step)); };
  run.train_until(300);
  CHECK(run.starts() == Steps{60, 120, 180});
}

TEST_CASE("a stage opened by max_stage begins with an empty window", "[sdk][schedule][plateau]") {
  PluginLibrary library(plugin_path("plateau"));
  Run run(library, {{"window", "\"20st\""}, {"max_stage", "\"60st\""}}, 300, 4);
  run.loss = [](std::uint64_t step, std::uint64_t) {
    return 9 * std::exp(-0.01 * std::min(60.0, static_cast<double>(step)));
  };
  run.train_until(300);
  CHECK(run.starts() == Steps{60, 80, 100});  // flat from step 60 on: a window each
}

TEST_CASE("the threshold is the window's fall over its mean loss", "[sdk][schedule][plateau]") {
  PluginLibrary library(plugin_path("plateau"));
  // The first window holds the losses 5 - a i, i = 0 .. 19: it falls by 19 a around a mean of 5 - 9.5 a.
  for (const double threshold : {0.005, 0.02, 0.1}) {
    const double a = threshold * 5 / (19 + 9.5 * threshold);
    for (const double factor : {0.999, 1.001}) {
      Run run(library, {{"window", "\"20st\""}, {"threshold", std::to_string(threshold)}}, 100, 2);
      run.loss = [&](std::uint64_t step, std::uint64_t) { return 5 - factor * a * static_cast<double>(step); };
      run.train_until(21);
      INFO("threshold " << threshold << " factor " << factor);
      CHECK(run.starts() == (factor < 1 ? Steps{20} : Steps{}));
    }
  }
}

TEST_CASE("it fires within a window of the bend", "[sdk][schedule][plateau]") {
  PluginLibrary library(plugin_path("plateau"));
  Run run(library, {{"window", "\"20st\""}, {"max_stage", "\"200st\""}}, 300, 2);
  run.loss = [](std::uint64_t step, std::uint64_t) { return 5 - 0.03 * std::min(60.0, static_cast<double>(step)); };
  run.train_until(300);
  REQUIRE(run.starts().size() == 1);
  CHECK(run.starts()[0] > 61);
  CHECK(run.starts()[0] <= 81);
}

TEST_CASE("mode slope compares d log(loss) / d log(FLOPs)", "[sdk][schedule][plateau]") {
  PluginLibrary library(plugin_path("plateau"));
  for (const double power : {0.0574, 0.0576}) {  // around staged training's bound before a growth of depth
    Run run(library, {{"mode", "\"slope\""}, {"slope", "-0.0575"}, {"window", "\"30st\""}}, 200, 2);
    run.loss = [&](std::uint64_t step, std::uint64_t) {
      return 8 * std::pow(1e6 * static_cast<double>(step + 1), -power);
    };
    run.train_until(200);
    CHECK(run.starts() == (power < 0.0575 ? Steps{30} : Steps{100}));
  }
}

TEST_CASE("the jump at a growth is not taken for a trend", "[sdk][schedule][plateau]") {
  PluginLibrary library(plugin_path("plateau"));
  Run run(library, {{"window", "\"10st\""}}, 300, 3);
  run.loss = [&](std::uint64_t step, std::uint64_t) { return step < 10 ? 3.0 : 5.0; };
  run.train_until(300);
  CHECK(run.starts() == Steps{10, 20});  // with the old losses in the window the line would rise at step 11
}

TEST_CASE("losses of other phases are left out", "[sdk][schedule][plateau]") {
  PluginLibrary library(plugin_path("plateau"));
  Run run(library, {{"window", "\"10st\""}}, 300, 3);
  run.phase = [](std::uint64_t stage_step, std::uint32_t stage) { return stage == 1 && stage_step < 15 ? 1u : 0u; };
  run.train_until(300);
  CHECK(run.starts() == Steps{10, 35});  // 15 steps of phase 1, then a window
}

TEST_CASE("a stage that has begun keeps its start", "[sdk][schedule][plateau]") {
  PluginLibrary library(plugin_path("plateau"));
  Run run(library, {{"window", "\"10st\""}, {"max_stage", "\"90st\""}}, 300, 3);
  run.loss = [](std::uint64_t step, std::uint64_t stage_step) {
    return step < 10 ? 3.0 : 9 * std::exp(-0.01 * static_cast<double>(stage_step));
  };
  run.train_until(9);
  CHECK(run.plan() == Steps{90, 180});
  for (std::uint64_t step = 10; step < 100; ++step) {
    run.train_until(step);
    CHECK(run.plan() == Steps{10, 100});  // what happened, then the latest that may happen
  }
}

TEST_CASE("a resumed run opens its stages at the same steps", "[sdk][schedule][plateau]") {
  PluginLibrary library(plugin_path("plateau"));
  for (const std::string mode : {"plateau", "slope"}) {
    const FakeConfig::Overrides params = {{"mode", "\"" + mode + "\""}, {"slope", "-0.1"},
                                          {"window", "\"20st\""},       {"threshold", "0.02"},
                                          {"min_stage", "\"25st\""},    {"max_stage", "\"95st\""}};
    Run whole(library, params, 300, 4);
    whole.loss = noisy;
    whole.train_until(300);
    REQUIRE(whole.starts().size() == 3);
    CHECK(whole.starts()[0] > 25);  // neither bound decides: the window does
    CHECK(whole.starts()[0] < 95);
    for (std::uint64_t stop = 1; stop < 300; ++stop) {
      Run first(library, params, 300, 4), second(library, params, 300, 4);
      first.loss = second.loss = noisy;
      first.train_until(stop);
      second.resume(first);
      CHECK(second.save() == first.save());
      second.train_until(300);
      INFO(mode << " stopped at " << stop);
      CHECK(second.starts() == whole.starts());
    }
  }
}

TEST_CASE("plateau refuses what cannot be, with words", "[sdk][schedule][plateau]") {
  PluginLibrary library(plugin_path("plateau"));
  const auto start = [&](FakeConfig::Overrides params, std::uint64_t total = 300) {
    return Run(library, std::move(params), total, 4);
  };
  CHECK_NOTHROW(start({{"max_stage", "\"99st\""}}));
  CHECK_THROWS_WITH(start({{"max_stage", "\"100st\""}}), Contains("no step") && Contains("300"));
  CHECK_THROWS_WITH(start({{"min_stage", "\"80st\""}}), Contains("min_stage") && Contains("75"));
  CHECK_THROWS_WITH(start({{"window", "\"76st\""}}), Contains("window") && Contains("75"));
  CHECK_THROWS_WITH(start({{"window", "\"1st\""}}), Contains("at least 2"));
  CHECK_THROWS_WITH(start({{"mode", "\"slope\""}}), Contains("slope below 0"));
  CHECK_THROWS_WITH(start({}, 3), Contains("too few"));
  CHECK_THROWS_WITH(BoundSchedule(library, {}, run_start(100, 2), {"lr"}), Contains("lr"));
  CHECK_THROWS_WITH(BoundSchedule(library, {}, run_start(0, 2), {"growth.stage"}), Contains("number of steps"));

  Run grown = start({{"window", "\"10st\""}});
  grown.train_until(60);
  CHECK_THROWS_WITH(Run(library, {}, 300, 2).resume(grown), Contains("stage 4"));
  const std::string bytes = grown.save();
  BoundSchedule damaged(library, {}, run_start(300, 4), {"growth.stage"});
  CHECK_THROWS_AS(damaged.object().load(bytes.substr(0, bytes.size() - 3), 1), PluginError);
}
