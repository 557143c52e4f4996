// Competence, smooth ramps, and the controls: hardest first and shuffled tiers.
#include <cmath>
#include <numeric>
#include <set>

#include "catch.h"
#include "sdk/mixture_run.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

using Steps = std::vector<std::uint64_t>;

Steps changes(PluginLibrary& library, const FakeConfig::Overrides& params, std::size_t tiers, std::uint64_t total) {
  MixtureRun run(library, params, total, tier_keys(tiers));
  run.train_until(total);
  return run.changes();
}

std::size_t open(const Row& row) {
  return static_cast<std::size_t>(std::count_if(row.begin(), row.end(), [](double weight) { return weight > 0; }));
}

}  // namespace

TEST_CASE("competence opens tiers where the paper's formula says", "[sdk][schedule][competence]") {
  PluginLibrary library(plugin_path("competence"));
  for (const double c0 : {0.01, 0.3}) {
    const FakeConfig::Overrides common = {{"c0", std::to_string(c0)}, {"duration", "\"1000st\""}};
    FakeConfig::Overrides root = common, linear = common, cubic = common;
    linear["pacing"] = "\"linear\"";
    cubic["root"] = "3.0";
    for (const auto& [params, p] : {std::pair{linear, 1.0}, {root, 2.0}, {cubic, 3.0}}) {
      Steps expected;  // c(t) >= i/n from t/T = (c^p - c0^p) / (1 - c0^p) on
      for (const double c : {0.25, 0.5, 0.75, 1.0}) {
        const double part = (std::pow(c, p) - std::pow(c0, p)) / (1 - std::pow(c0, p));
        if (c > 0.25 && part > 0) expected.push_back(static_cast<std::uint64_t>(std::ceil(1000 * part - 1e-9)));
      }
      INFO("c0 " << c0 << " p " << p);
      CHECK(changes(library, params, 4, 2000) == expected);
    }
  }
}

TEST_CASE("competence in jumps, and what is open in between", "[sdk][schedule][competence]") {
  PluginLibrary library(plugin_path("competence"));
  CHECK(changes(library, {{"pacing", "\"step\""}}, 4, 200) == Steps{100});  // single-step pacing
  CHECK(changes(library, {{"pacing", "\"step\""}, {"jumps", "5"}, {"c0", "0.25"}, {"duration", "\"100st\""}}, 4, 200) ==
        Steps{40, 80, 100});  // 0.25 0.4 0.55 0.7 0.85 1
  BoundSchedule schedule(library, {{"duration", "\"100st\""}}, run_start(200), tier_keys(4));
  esp_progress at = run_start(200);
  CHECK(schedule.values(at) == Row{1, 0, 0, 0});
  at.step = 60;
  CHECK(schedule.values(at)[2] == Approx(1.0 / 3));
  at.step = 100;
  CHECK(schedule.values(at) == Row{0.25, 0.25, 0.25, 0.25});
  BoundSchedule replayed(library, {{"duration", "\"100st\""}, {"replay", "0.1"}}, run_start(200), tier_keys(4));
  CHECK(replayed.values(at)[0] == Approx(0.9 * 0.25 + 0.1 / 3));
  CHECK(replayed.values(at)[3] == Approx(0.9 * 0.25));
}

TEST_CASE("next_change of competence agrees with asking about every step", "[sdk][schedule][competence]") {
  PluginLibrary library(plugin_path("competence"));
  for (const std::string pacing : {"root", "linear", "step"}) {
    const FakeConfig::Overrides params = {{"pacing", "\"" + pacing + "\""}, {"jumps", "3"}};
    BoundSchedule schedule(library, params, run_start(100), tier_keys(5));
    const auto row = [&](std::uint64_t step) {
      esp_progress at = run_start(100);
      at.step = step;
      return schedule.values(at);
    };
    for (std::uint64_t step = 0; step < 120; ++step) {
      std::uint64_t expected = UINT64_MAX;
      for (std::uint64_t later = step + 1; later < 130 && expected == UINT64_MAX; ++later) {
        if (row(later) != row(step)) expected = later;
      }
      CHECK(schedule.next_change(step) == expected);
    }
  }
}

TEST_CASE("hardest first is the mirror image, and the shuffled control opens as many tiers",
          "[sdk][schedule][competence][tier-sync]") {
  PluginLibrary competence(plugin_path("competence")), tier_sync(plugin_path("tier-sync"));
  for (PluginLibrary* library : {&competence, &tier_sync}) {
    for (std::size_t n = 2; n <= 6; ++n) {
      const esp_progress start = run_start(200, 3);
      BoundSchedule easy(*library, {}, start, tier_keys(n));
      BoundSchedule hard(*library, {{"order", "\"hard-first\""}}, start, tier_keys(n));
      BoundSchedule shuffled(*library, {{"order", "\"shuffled\""}}, start, tier_keys(n));
      bool differs_from_easy = false, differs_from_hard = false;
      Row before(n);
      for (std::uint64_t step = 0; step < 200; ++step) {
        esp_progress at = start;
        at.step = step;
        at.stage = static_cast<std::uint32_t>(step * 3 / 200);
        const Row row = easy.values(at), mirror = hard.values(at), random = shuffled.values(at);
        CHECK(mirror == Row(row.rbegin(), row.rend()));
        CHECK(std::is_permutation(row.begin(), row.end(), random.begin()));
        CHECK(open(random) == open(row));
        for (std::size_t i = 0; i < n; ++i) CHECK((before[i] == 0 || random[i] > 0));  // what is open stays open
        differs_from_easy = differs_from_easy || random != row;
        differs_from_hard = differs_from_hard || random != mirror;
        before = random;
      }
      INFO("tiers " << n);
      CHECK(differs_from_easy);
      if (n > 3) CHECK(differs_from_hard);
    }
  }
}

TEST_CASE("a ramp moves from one blend to the other", "[sdk][schedule][mixture-ramp]") {
  PluginLibrary library(plugin_path("mixture-ramp"));
  FakeConfig::Overrides params = {{"from", "[3, 1]"}, {"to", "[0, 2]"}, {"start", "\"20st\""}, {"length", "\"40st\""}};
  const auto first = [&](std::uint64_t step) {
    return BoundSchedule(library, params, run_start(100), tier_keys(2)).at_step(step);
  };
  CHECK(first(0) == 0.75);
  CHECK(first(20) == 0.75);
  CHECK(first(40) == Approx(0.375));
  CHECK(first(50) == Approx(0.75 * 0.25));
  CHECK(first(60) == 0);
  CHECK(first(99) == 0);
  params["shape"] = "\"cosine\"";
  CHECK(first(40) == Approx(0.375));
  CHECK(first(30) == Approx(0.75 * 0.5 * (1 + std::cos(3.14159265358979323846 / 4))));
  params["shape"] = "\"linear\"";
  params["moves"] = "4";
  CHECK(first(29) == 0.75);
  CHECK(first(30) == Approx(0.5625));
  CHECK(first(39) == Approx(0.5625));
  CHECK(changes(library, params, 2, 100) == Steps{30, 40, 50, 60});
  params["sources"] = "[\"a\", \"b\"]";
  BoundSchedule named(library, params, run_start(100), {"data.source.b", "data.source.a"});
  CHECK(named.at_step(0) == 0.25);
}

TEST_CASE("mixtures refuse what cannot be, with words", "[sdk][schedule][competence][mixture-ramp]") {
  PluginLibrary competence(plugin_path("competence")), ramp(plugin_path("mixture-ramp"));
  CHECK_THROWS_WITH(BoundSchedule(competence, {{"sources", "[\"a\"]"}}, run_start(100), {"data.source.a"}),
                    Contains("tiers"));
  CHECK_THROWS_WITH(BoundSchedule(competence, {}, run_start(100), {"lr"}), Contains("lr"));
  CHECK_THROWS_WITH(BoundSchedule(competence, {}, run_start(100), {"data.tier.0", "data.tier.2"}), Contains("once"));
  CHECK_THROWS_WITH(BoundSchedule(ramp, {{"from", "[1, 1]"}, {"to", "[1]"}}, run_start(100), tier_keys(2)),
                    Contains("to has 1"));
  CHECK_THROWS_WITH(BoundSchedule(ramp, {{"from", "[0, 0]"}, {"to", "[1, 1]"}}, run_start(100), tier_keys(2)),
                    Contains("from"));
  CHECK_THROWS_AS(competence.create({{"replay", "1.0"}}), std::invalid_argument);
}
