// Prop-alpha stage lengths, and the data mixture that follows the stages.
#include <cmath>
#include <map>
#include <numeric>

#include "catch.h"
#include "sdk/schedule_run.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

const std::vector<std::string> kStage = {"growth.stage"};

std::vector<std::string> tiers(std::size_t n) {
  std::vector<std::string> keys;
  for (std::size_t i = 0; i < n; ++i) keys.push_back("data.tier." + std::to_string(i));
  return keys;
}

/// Steps of each stage, by asking about every step.
std::vector<double> stage_lengths(BoundSchedule& schedule, std::uint64_t total, std::size_t num_stages) {
  std::vector<double> lengths(num_stages);
  for (std::uint64_t step = 0; step < total; ++step) lengths.at(static_cast<std::size_t>(schedule.at_step(step))) += 1;
  return lengths;
}

}  // namespace

TEST_CASE("prop-alpha gives every stage its share of the steps", "[sdk][schedule][prop-alpha]") {
  PluginLibrary library(plugin_path("prop-alpha"));
  BoundSchedule four(library, {{"alpha", "1.0"}}, run_start(1000, 4), kStage);
  CHECK(stage_lengths(four, 1000, 4) == std::vector<double>{100, 200, 300, 400});
  BoundSchedule equal(library, {{"alpha", "0.0"}}, run_start(1000, 4), kStage);
  CHECK(stage_lengths(equal, 1000, 4) == std::vector<double>{250, 250, 250, 250});
  BoundSchedule square(library, {{"alpha", "2.0"}}, run_start(1000, 4), kStage);
  CHECK(stage_lengths(square, 1000, 4) == std::vector<double>{33, 134, 300, 533});  // ends round(33.3), 166.7, 466.7
}

TEST_CASE("prop-alpha saves the block FLOPs of the MIDAS table", "[sdk][schedule][prop-alpha]") {
  const std::map<std::size_t, std::vector<double>> table = {{3, {1.500, 1.286, 1.167, 1.102}},
                                                            {4, {1.600, 1.333, 1.200, 1.130}},
                                                            {6, {1.714, 1.385, 1.238, 1.163}},
                                                            {8, {1.778, 1.412, 1.259, 1.182}}};
  PluginLibrary library(plugin_path("prop-alpha"));
  for (const auto& [k, factors] : table) {
    for (std::size_t alpha = 0; alpha < factors.size(); ++alpha) {
      constexpr std::uint64_t kSteps = 20000;
      BoundSchedule schedule(library, {{"alpha", std::to_string(alpha) + ".0"}},
                             run_start(kSteps, static_cast<std::uint32_t>(k)), kStage);
      const std::vector<double> lengths = stage_lengths(schedule, kSteps, k);
      double cost = 0;
      for (std::size_t i = 0; i < k; ++i) cost += lengths[i] * static_cast<double>(i + 1) / static_cast<double>(k);
      INFO("k " << k << " alpha " << alpha);
      CHECK(kSteps / cost == Approx(factors[alpha]).margin(6e-4));
    }
  }
}

TEST_CASE("prop-alpha boundaries partition any run, or are refused", "[sdk][schedule][prop-alpha]") {
  PluginLibrary library(plugin_path("prop-alpha"));
  for (const std::string alpha : {"0.0", "0.7", "1.0", "3.0"}) {
    for (std::uint32_t k = 1; k <= 7; ++k) {
      for (std::uint64_t total = 1; total <= 60; total += 3) {
        INFO("alpha " << alpha << " stages " << k << " steps " << total);
        try {
          BoundSchedule schedule(library, {{"alpha", alpha}}, run_start(total, k), kStage);
          const std::vector<double> lengths = stage_lengths(schedule, total, k);
          CHECK(*std::min_element(lengths.begin(), lengths.end()) >= 1);
          CHECK(std::accumulate(lengths.begin(), lengths.end(), 0.0) == static_cast<double>(total));
          CHECK(schedule.at_step(total - 1) == k - 1);
          CHECK(schedule.at_step(total + 10) == k - 1);
        } catch (const PluginError& error) {
          CHECK(error.status == ESP_INVALID_ARGUMENT);
          CHECK_THAT(error.what(), Contains("too few"));
        }
      }
    }
  }
  CHECK_NOTHROW(BoundSchedule(library, {{"alpha", "0.0"}}, run_start(4, 4), kStage));
  CHECK_THROWS_WITH(BoundSchedule(library, {{"alpha", "0.0"}}, run_start(3, 4), kStage), Contains("too few"));
}

TEST_CASE("prop-alpha can finish growing early", "[sdk][schedule][prop-alpha]") {
  PluginLibrary library(plugin_path("prop-alpha"));
  BoundSchedule schedule(library, {{"alpha", "0.0"}, {"until", "\"0.5dur\""}}, run_start(100, 5), kStage);
  CHECK(stage_lengths(schedule, 100, 5) == std::vector<double>{10, 10, 10, 10, 60});
}

TEST_CASE("next_change agrees with asking about every step", "[sdk][schedule][prop-alpha]") {
  PluginLibrary library(plugin_path("prop-alpha"));
  for (const std::string until : {"\"1dur\"", "\"0.4dur\""}) {
    BoundSchedule schedule(library, {{"until", until}}, run_start(90, 5), kStage);
    for (std::uint64_t step = 0; step < 120; ++step) {
      std::uint64_t expected = UINT64_MAX;
      for (std::uint64_t later = step + 1; later < 200 && expected == UINT64_MAX; ++later) {
        if (schedule.at_step(later) != schedule.at_step(step)) expected = later;
      }
      CHECK(schedule.next_change(step) == expected);
    }
  }
}

TEST_CASE("tier-sync opens tiers with the stages", "[sdk][schedule][tier-sync]") {
  PluginLibrary library(plugin_path("tier-sync"));
  esp_progress at = run_start(100, 3);
  BoundSchedule even(library, {}, at, tiers(3));
  CHECK(even.values(at) == std::vector<double>{1, 0, 0});
  at.stage = 1;
  CHECK(even.values(at) == std::vector<double>{0.5, 0.5, 0});
  at.stage = 2;
  CHECK(even.values(at)[2] == Approx(1.0 / 3));

  at = run_start(100, 2);
  BoundSchedule fewer_stages(library, {}, at, tiers(3));  // ceil(3/2) = 2, then 3
  CHECK(fewer_stages.values(at) == std::vector<double>{0.5, 0.5, 0});

  at = run_start(100, 4);
  BoundSchedule fewer_tiers(library, {}, at, tiers(2));  // 1, 1, 2, 2
  CHECK(fewer_tiers.values(at) == std::vector<double>{1, 0});
  at.stage = 1;
  CHECK(fewer_tiers.values(at) == std::vector<double>{1, 0});
  at.stage = 2;
  CHECK(fewer_tiers.values(at) == std::vector<double>{0.5, 0.5});
}

TEST_CASE("tier-sync opens everything in a run of one stage", "[sdk][schedule][tier-sync]") {
  PluginLibrary library(plugin_path("tier-sync"));
  const esp_progress at = run_start(100, 1);
  BoundSchedule schedule(library, {{"focus", "0.5"}}, at, tiers(4));
  CHECK(schedule.values(at) == std::vector<double>{0.25, 0.25, 0.25, 0.25});
  CHECK(schedule.next_change(at) == UINT64_MAX);
}

TEST_CASE("tier-sync weights sum to one and closed tiers get nothing", "[sdk][schedule][tier-sync]") {
  PluginLibrary library(plugin_path("tier-sync"));
  for (std::uint32_t stages = 1; stages <= 5; ++stages) {
    for (std::size_t n = 1; n <= 6; ++n) {
      for (const std::string focus : {"0.0", "0.3", "0.9"}) {
        esp_progress at = run_start(100, stages);
        BoundSchedule schedule(library, {{"focus", focus}}, at, tiers(n));
        for (at.stage = 0; at.stage < stages; ++at.stage) {
          const std::vector<double> weights = schedule.values(at);
          const std::size_t open = ((at.stage + 1) * n + stages - 1) / stages;
          CHECK(std::accumulate(weights.begin(), weights.end(), 0.0) == Approx(1));
          for (std::size_t i = 0; i < n; ++i) CHECK((weights[i] > 0) == (i < open));
        }
      }
    }
  }
}

TEST_CASE("tier-sync focuses on the tiers opened last", "[sdk][schedule][tier-sync]") {
  PluginLibrary library(plugin_path("tier-sync"));
  esp_progress at = run_start(100, 3);
  BoundSchedule schedule(library, {{"opened", "[1, 3, 3]"}, {"focus", "0.5"}}, at, tiers(3));
  CHECK(schedule.values(at)[0] == 1);
  for (at.stage = 1; at.stage < 3; ++at.stage) {  // the second stage opened two; the third none
    const std::vector<double> weights = schedule.values(at);
    CHECK(weights[0] == Approx(0.5 / 3));
    CHECK(weights[1] == Approx(0.5 / 3 + 0.25));
    CHECK(weights[2] == Approx(0.5 / 3 + 0.25));
  }
}

TEST_CASE("tier-sync fills keys in the order they were bound", "[sdk][schedule][tier-sync]") {
  PluginLibrary library(plugin_path("tier-sync"));
  const esp_progress at = run_start(100, 3);
  BoundSchedule schedule(library, {}, at, {"data.tier.2", "data.tier.0", "data.tier.1"});
  CHECK(schedule.values(at) == std::vector<double>{0, 1, 0});
}

TEST_CASE("tier-sync changes with the stage and not before", "[sdk][schedule][tier-sync]") {
  PluginLibrary library(plugin_path("tier-sync"));
  esp_progress at = run_start(100, 3);
  BoundSchedule schedule(library, {}, at, tiers(3));
  at.step = 25;
  at.stage_step = 5;
  at.stage_total_steps = 30;
  at.stage = 1;
  CHECK(schedule.next_change(at) == 50);
  at.stage = 2;
  CHECK(schedule.next_change(at) == UINT64_MAX);
}

TEST_CASE("tier-sync balances all tiers in phase A where it is asked to", "[sdk][schedule][tier-sync]") {
  PluginLibrary library(plugin_path("tier-sync"));
  esp_progress at = run_start(100, 4);
  at.step = 30;
  at.stage = 1;
  at.stage_step = 5;
  at.stage_total_steps = 20;
  BoundSchedule plain(library, {}, at, tiers(4));
  BoundSchedule balanced(library, {{"phase_a", "\"balanced\""}, {"focus", "0.5"}}, at, tiers(4));
  BoundSchedule weighted(library, {{"phase_a", "\"balanced\""}, {"phase_a_weights", "[1.0, 1.0, 2.0, 0.0]"}}, at,
                         {"data.tier.2", "data.tier.0", "data.tier.3", "data.tier.1"});
  at.phase = 1;
  CHECK(plain.values(at) == std::vector<double>{0.5, 0.5, 0, 0});
  CHECK(balanced.values(at) == std::vector<double>{0.25, 0.25, 0.25, 0.25});
  CHECK(weighted.values(at) == std::vector<double>{0.5, 0.25, 0, 0.25});
  CHECK(plain.next_change(at) == 45);
  CHECK(balanced.next_change(at) == 31);  // the phase may end there

  at.phase = 0;
  CHECK(balanced.values(at) == std::vector<double>{0.25, 0.75, 0, 0});  // 0.5 / 2, and focus on tier 1
  CHECK(weighted.values(at) == std::vector<double>{0, 0.5, 0, 0.5});
  CHECK(balanced.next_change(at) == 45);
}

TEST_CASE("tier-sync takes a mixture for each stage", "[sdk][schedule][tier-sync]") {
  PluginLibrary library(plugin_path("tier-sync"));
  esp_progress at = run_start(100, 3);
  BoundSchedule schedule(library, {{"weights", "[1.0, 1.0, 0.0, 3.0, 6.0, 2.0]"}, {"phase_a", "\"balanced\""}}, at,
                         {"data.tier.1", "data.tier.0"});
  CHECK(schedule.values(at) == std::vector<double>{0.5, 0.5});
  at.stage = 1;
  CHECK(schedule.values(at) == std::vector<double>{1, 0});
  at.stage = 2;
  CHECK(schedule.values(at) == std::vector<double>{0.25, 0.75});
  at.phase = 1;
  CHECK(schedule.values(at) == std::vector<double>{0.5, 0.5});
}

TEST_CASE("milestones begin stages at fractions of the run or at steps", "[sdk][schedule][milestones]") {
  PluginLibrary library(plugin_path("milestones"));
  BoundSchedule quarters(library, {{"at", "[0.25, 0.5, 0.75]"}}, run_start(1000, 4), kStage);
  CHECK(stage_lengths(quarters, 1000, 4) == std::vector<double>{250, 250, 250, 250});
  BoundSchedule late(library, {{"at", "[0.093]"}}, run_start(1000, 2), kStage);
  CHECK(stage_lengths(late, 1000, 2) == std::vector<double>{93, 907});
  BoundSchedule odd(library, {{"at", "[0.5]"}}, run_start(101, 2), kStage);
  CHECK(stage_lengths(odd, 101, 2) == std::vector<double>{51, 50});
  BoundSchedule steps(library, {{"steps", "[10, 30]"}}, run_start(100, 3), kStage);
  CHECK(stage_lengths(steps, 100, 3) == std::vector<double>{10, 20, 70});
  CHECK(steps.next_change(0) == 10);
  CHECK(steps.next_change(10) == 30);
  CHECK(steps.next_change(30) == UINT64_MAX);
  BoundSchedule one(library, {}, run_start(100, 1), kStage);
  CHECK(one.at_step(99) == 0);

  const auto refused = [&](FakeConfig::Overrides params, std::uint32_t stages, const char* words) {
    CHECK_THROWS_WITH(BoundSchedule(library, params, run_start(100, stages), kStage), Contains(words));
  };
  refused({{"at", "[0.5]"}}, 3, "2 stages, the strategy has 3");
  refused({{"at", "[0.5, 0.5]"}}, 3, "stage 2 would get no step");
  refused({{"at", "[0.5, 0.4]"}}, 3, "stage 2 would get no step");
  refused({{"at", "[0.001]"}}, 2, "stage 1 would get no step");
  refused({{"at", "[1.0]"}}, 2, "last stage");
  refused({{"steps", "[100]"}}, 2, "last stage");
  refused({{"at", "[0.5]"}, {"steps", "[50]"}}, 2, "not both");
  CHECK_THROWS_WITH(BoundSchedule(library, {}, run_start(0, 1), kStage), Contains("number of steps"));
}

TEST_CASE("stage and mixture schedules refuse what they cannot do, with words", "[sdk][schedule]") {
  PluginLibrary prop_alpha(plugin_path("prop-alpha"));
  CHECK_THROWS_WITH(BoundSchedule(prop_alpha, {}, run_start(100), {"lr"}), Contains("lr"));
  CHECK_THROWS_WITH(BoundSchedule(prop_alpha, {}, run_start(0, 2), kStage), Contains("number of steps"));
  PluginLibrary tier_sync(plugin_path("tier-sync"));
  CHECK_THROWS_WITH(BoundSchedule(tier_sync, {}, run_start(100), {"data.source.web"}), Contains("data.source.web"));
  CHECK_THROWS_WITH(BoundSchedule(tier_sync, {}, run_start(100), {"data.tier.x"}), Contains("data.tier.x"));
  CHECK_THROWS_WITH(BoundSchedule(tier_sync, {}, run_start(100), {"data.tier.1"}), Contains("data.tier.0"));
  CHECK_THROWS_WITH(BoundSchedule(tier_sync, {}, run_start(100), {"data.tier.0", "data.tier.0"}), Contains("once"));
  const esp_progress three = run_start(100, 3);
  CHECK_THROWS_WITH(BoundSchedule(tier_sync, {{"opened", "[1, 2]"}}, three, tiers(3)), Contains("3 stages"));
  CHECK_THROWS_WITH(BoundSchedule(tier_sync, {{"opened", "[1, 2, 4]"}}, three, tiers(3)), Contains("tier 4"));
  CHECK_THROWS_WITH(BoundSchedule(tier_sync, {{"opened", "[2, 1, 3]"}}, three, tiers(3)), Contains("fall"));
  const FakeConfig::Overrides unused = {{"phase_a_weights", "[1.0, 1.0, 1.0]"}};
  CHECK_THROWS_WITH(BoundSchedule(tier_sync, unused, three, tiers(3)), Contains("balanced"));
  const auto balanced = [](const char* weights) {
    return FakeConfig::Overrides{{"phase_a", "\"balanced\""}, {"phase_a_weights", weights}};
  };
  CHECK_THROWS_WITH(BoundSchedule(tier_sync, balanced("[1.0, 1.0]"), three, tiers(3)), Contains("3 tiers"));
  CHECK_THROWS_WITH(BoundSchedule(tier_sync, balanced("[0.0, 0.0, 0.0]"), three, tiers(3)), Contains("no tier"));
  CHECK_THROWS_WITH(BoundSchedule(tier_sync, {{"weights", "[1.0]"}}, three, tiers(2)), Contains("3 stages of 2 tiers"));
  const FakeConfig::Overrides idle = {{"weights", "[1.0, 0.0, 1.0]"}};
  CHECK_THROWS_WITH(BoundSchedule(tier_sync, idle, three, tiers(1)), Contains("stage 2 no tier"));
  const FakeConfig::Overrides both = {{"weights", "[1.0, 1.0, 1.0]"}, {"focus", "0.1"}};
  CHECK_THROWS_WITH(BoundSchedule(tier_sync, both, three, tiers(1)), Contains("focus"));
}
