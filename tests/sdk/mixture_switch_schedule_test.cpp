// Blends one after another: what sets each off, that nothing goes back, and that a resumed run switches at the same
// step.
#include <cmath>
#include <numeric>

#include "catch.h"
#include "sdk/mixture_run.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

using Steps = std::vector<std::uint64_t>;

constexpr double kPi = 3.14159265358979323846;
const FakeConfig::Overrides kTwo = {{"blends", "[1.0, 0.0, 0.5, 1.5]"}};

FakeConfig::Overrides with(FakeConfig::Overrides params, const std::string& key, const std::string& literal) {
  params[key] = literal;
  return params;
}

/// A learning rate that warms up, falls by half a cosine, and rises again for the last tenth.
double bumpy(std::uint64_t step) {
  const auto t = static_cast<double>(step);
  if (t < 10) return (t + 1) / 10;
  return t >= 180 ? 0.9 : 0.5 * (1 + std::cos(kPi * t / 180));
}

}  // namespace

TEST_CASE("reuse starts at the given rate exactly and ends at floor of it exactly", "[sdk][schedule][reuse]") {
  PluginLibrary library(plugin_path("reuse"));
  for (const double peak : {4.5e-5, 3e-4, 1.0}) {
    for (const std::string floor : {"0.01", "0.0", "0.1", "1.0"}) {
      esp_progress start = run_start(1000);
      start.lr_peak = peak;
      BoundSchedule reuse(library, {{"floor", floor}}, start, {"lr"});
      CHECK(reuse.at_step(0) == peak);
      CHECK(reuse.at_step(1000) == peak * std::stod(floor));
      CHECK(reuse.at_step(2000) == peak * std::stod(floor));
      const double end = peak * std::stod(floor);
      for (std::uint64_t step = 0; step < 1000; ++step) {
        CHECK(reuse.at_step(step) ==
              Approx(end + (peak - end) / 2 * (1 + std::cos(kPi * static_cast<double>(step) / 1000))));
      }
    }
  }
  CHECK_THROWS_WITH(BoundSchedule(library, {}, run_start(100), {"growth.stage"}), Contains("growth.stage"));
  CHECK_THROWS_AS(library.create({{"warmup", "\"1st\""}}), std::invalid_argument);
}

TEST_CASE("the reuse rate has fallen to a k-th at the step of the closed form", "[sdk][schedule][reuse]") {
  PluginLibrary library(plugin_path("reuse"));
  for (const std::uint64_t total : {100u, 777u, 10000u}) {
    for (const double k : {2.0, 5.0, 20.0}) {
      for (const double floor : {0.0, 0.01, 0.04}) {
        BoundSchedule reuse(library, {{"floor", std::to_string(floor)}}, run_start(total), {"lr"});
        const double part = std::acos(2 * (1 / k - floor) / (1 - floor) - 1) / kPi;
        if (k == 5.0 && floor == 0.01) CHECK(part == Approx(0.71131).margin(5e-6));
        const auto first = static_cast<std::uint64_t>(std::ceil(part * static_cast<double>(total)));
        INFO("T " << total << " k " << k << " floor " << floor);
        CHECK(reuse.at_step(first) <= 1 / k);
        CHECK(reuse.at_step(first - 1) > 1 / k);
      }
    }
  }
}

TEST_CASE("the blend of continued pre-training follows its learning rate", "[sdk][schedule][mixture-switch][reuse]") {
  PluginLibrary rates(plugin_path("reuse")), mixtures(plugin_path("mixture-switch"));
  for (const std::uint64_t total : {100u, 777u, 2000u}) {
    BoundSchedule reuse(rates, {}, run_start(total), {"lr"});
    MixtureRun run(
        mixtures,
        {{"sources", "[\"web\", \"qa\"]"}, {"blends", "[1.0, 0.0, 0.9, 0.1]"}, {"when", "[\"lr <= peak/5\"]"}}, total,
        {"data.source.web", "data.source.qa"});
    run.lr = [&](std::uint64_t step) { return reuse.at_step(step); };
    run.train_until(total);
    const auto first = static_cast<std::uint64_t>(std::ceil(0.7113130 * static_cast<double>(total)));
    CHECK(run.changes() == Steps{first + 1});  // after the first step with at most a fifth
    CHECK(run.now() == Row{0.9, 0.1});
  }
}

TEST_CASE("a switch at a step, a token, a part of the run or an epoch", "[sdk][schedule][mixture-switch]") {
  PluginLibrary library(plugin_path("mixture-switch"));
  const auto first_of = [&](const std::string& when) {
    MixtureRun run(library, with(kTwo, "when", "[\"" + when + "\"]"), 101, tier_keys(2));
    run.train_until(101);
    REQUIRE(run.changes().size() == 1);
    CHECK(run.now() == Row{0.25, 0.75});
    return run.changes()[0];
  };
  CHECK(first_of("40st") == 40);
  CHECK(first_of("40") == 40);
  CHECK(first_of(" 0.5 dur ") == 51);  // floor(50.5 + 0.5)
  CHECK(first_of("400tok") == 40);     // ten tokens a step
  CHECK(first_of("401tok") == 41);
  BoundSchedule epochs(library, with(kTwo, "when", "[\"1.5ep\"]"), run_start(100), tier_keys(2));
  esp_progress at = run_start(100);
  at.epoch = 1.49;
  CHECK(epochs.values(at) == Row{1, 0});
  at.epoch = 1.5;
  CHECK(epochs.values(at) == Row{0.25, 0.75});
}

TEST_CASE("a learning rate that rises through the bound or later above it switches nothing",
          "[sdk][schedule][mixture-switch]") {
  PluginLibrary library(plugin_path("mixture-switch"));
  for (const std::string when : {"lr <= peak/2", "lr<=0.5"}) {
    MixtureRun run(library, with(kTwo, "when", "[\"" + when + "\"]"), 200, tier_keys(2));
    run.lr = bumpy;  // below a half until step 5, above it, at it in step 90, above it again from 180 on
    run.train_until(200);
    CHECK(run.changes() == Steps{91});
  }
}

TEST_CASE("blends come in their order", "[sdk][schedule][mixture-switch]") {
  PluginLibrary library(plugin_path("mixture-switch"));
  MixtureRun run(library,
                 {{"blends", "[1, 0, 0, 1, 1, 1, 3, 1]"}, {"when", "[\"150st\", \"lr <= peak/2\", \"0.9dur\"]"}}, 200,
                 tier_keys(2));
  run.lr = bumpy;
  run.train_until(151);
  CHECK(run.changes() == Steps{150});
  run.train_until(200);
  CHECK(run.changes() == Steps{150, 151, 180});  // the rate was low enough long before its turn
}

TEST_CASE("a loss switches when its average has fallen", "[sdk][schedule][mixture-switch]") {
  PluginLibrary library(plugin_path("mixture-switch"));
  MixtureRun run(library, with(kTwo, "when", "[\"loss <= 2.0\"]"), 200, tier_keys(2));
  run.loss = [](std::uint64_t step) { return step == 20 ? 0.5 : step < 60 ? 3.0 : step < 100 ? 1.0 : 5.0; };
  run.train_until(200);
  // From 3 the average falls as 1 + 2 * 0.9^n under a loss of 1: at most 2 from n = 7 losses on. One lucky batch: 2.75.
  CHECK(run.changes() == Steps{67});
  MixtureRun early(library, with(kTwo, "when", "[\"loss <= 2.0\"]"), 200, tier_keys(2));
  early.loss = [](std::uint64_t) { return 1.0; };
  early.train_until(200);
  CHECK(early.changes() == Steps{5});  // five losses are needed
}

TEST_CASE("weights are shares; the order of tiers and replay", "[sdk][schedule][mixture-switch]") {
  PluginLibrary library(plugin_path("mixture-switch"));
  const FakeConfig::Overrides three = {{"blends", "[3, 1, 0]"}, {"when", "[]"}};
  const auto row = [&](FakeConfig::Overrides params) {
    for (const auto& [key, literal] : three) params.insert({key, literal});
    return BoundSchedule(library, params, run_start(100), tier_keys(3)).values(run_start(100));
  };
  CHECK(row({}) == Row{0.75, 0.25, 0});
  CHECK(row({{"order", "\"hard-first\""}}) == Row{0, 0.25, 0.75});
  const Row shuffled = row({{"order", "\"shuffled\""}});
  CHECK(shuffled == row({{"order", "\"shuffled\""}}));
  CHECK(shuffled != row({}));
  CHECK(shuffled != Row{0, 0.25, 0.75});
  CHECK(std::accumulate(shuffled.begin(), shuffled.end(), 0.0) == 1);

  // Tiers before the last one with a share get replay evenly.
  CHECK(row({{"blends", "[0, 0, 1]"}, {"replay", "0.2"}}) == Row{0.1, 0.1, 0.8});
  CHECK(row({{"blends", "[0, 1, 0]"}, {"replay", "0.2"}}) == Row{0.2, 0.8, 0});
  CHECK(row({{"blends", "[1, 0, 0]"}, {"replay", "0.2"}}) == Row{1, 0, 0});
  CHECK(row({{"blends", "[0, 0, 1]"}, {"replay", "0.2"}, {"order", "\"hard-first\""}}) == Row{0.8, 0.1, 0.1});
  BoundSchedule named(library,
                      {{"sources", "[\"old\", \"new\"]"},
                       {"blends", "[0.5, 1.5]"},
                       {"when", "[]"},
                       {"replay", "0.05"},
                       {"replay_source", "\"old\""}},
                      run_start(100), {"data.source.new", "data.source.old"});
  const Row mixed = named.values(run_start(100));
  CHECK(mixed[0] == Approx(0.95 * 0.75));
  CHECK(mixed[1] == Approx(0.95 * 0.25 + 0.05));
}

TEST_CASE("a resumed run switches at the same steps", "[sdk][schedule][mixture-switch]") {
  PluginLibrary library(plugin_path("mixture-switch"));
  const FakeConfig::Overrides params = {{"blends", "[1, 0, 0, 1, 1, 1, 3, 1]"},
                                        {"when", "[\"lr <= peak/2\", \"loss <= 2\", \"1500tok\"]"}};
  const auto loss = [](std::uint64_t step) {
    return 3.5 - 0.015 * static_cast<double>(step) + 0.2 * static_cast<double>((step * 2654435761u) % 7);
  };
  MixtureRun whole(library, params, 200, tier_keys(2));
  whole.lr = bumpy;
  whole.loss = loss;
  whole.train_until(200);
  REQUIRE(whole.changes().size() == 3);
  for (std::uint64_t stop = 1; stop < 200; ++stop) {
    MixtureRun first(library, params, 200, tier_keys(2)), second(library, params, 200, tier_keys(2));
    first.lr = second.lr = bumpy;
    first.loss = second.loss = loss;
    first.train_until(stop);
    second.resume(first);
    CHECK(second.save() == first.save());
    second.train_until(200);
    INFO("stopped at " << stop);
    CHECK(second.changes() == whole.changes());
  }
  MixtureRun fewer(library, with(kTwo, "when", "[\"100st\"]"), 200, tier_keys(2));
  CHECK_THROWS_WITH(fewer.resume(whole), Contains("4 blends"));
}

TEST_CASE("mixture-switch refuses what cannot be, with words", "[sdk][schedule][mixture-switch]") {
  PluginLibrary library(plugin_path("mixture-switch"));
  const auto bind = [&](const FakeConfig::Overrides& params, const std::vector<std::string>& keys) {
    return BoundSchedule(library, params, run_start(100), keys);
  };
  const FakeConfig::Overrides tiers = with(kTwo, "when", "[\"40st\"]");
  const FakeConfig::Overrides sources = with(tiers, "sources", "[\"a\", \"b\"]");
  CHECK_NOTHROW(bind(tiers, tier_keys(2)));
  CHECK_NOTHROW(bind(sources, {"data.source.b", "data.source.a"}));
  // The kind of keys that it cannot fill, so that the host asks for the other kind alone.
  for (const auto& [params, keys] : std::vector<std::pair<FakeConfig::Overrides, std::vector<std::string>>>{
           {tiers, {"data.tier.0", "data.tier.1", "data.source.a"}},
           {tiers, {"data.source.a"}},
           {sources, {"data.tier.0", "data.source.a", "data.source.b"}},
           {tiers, {"lr"}}}) {
    try {
      bind(params, keys);
      FAIL("bound " << keys.back());
    } catch (const PluginError& error) {
      CHECK(error.status == ESP_UNIMPLEMENTED);
    }
  }
  CHECK_THROWS_WITH(bind(tiers, tier_keys(3)), Contains("4 numbers") && Contains("need 6"));
  CHECK_THROWS_WITH(bind(tiers, {"data.tier.0", "data.tier.0"}), Contains("once"));
  CHECK_THROWS_WITH(bind(sources, {"data.source.a", "data.source.c"}), Contains("'c'"));
  CHECK_THROWS_WITH(bind(sources, {"data.source.a"}), Contains("'b'"));
  CHECK_THROWS_WITH(bind(with(sources, "order", "\"shuffled\""), {"data.source.a", "data.source.b"}),
                    Contains("order"));
  CHECK_THROWS_WITH(bind(with(sources, "replay", "0.1"), {"data.source.a", "data.source.b"}),
                    Contains("replay_source"));
  CHECK_THROWS_WITH(bind(with(tiers, "blends", "[1, 0, 0, 0]"), tier_keys(2)), Contains("row 2"));
  for (const std::string when : {"", "soon", "5x", "lr", "lr <= peak", "lr <= peak/1", "loss <= -1", "1dur", "0st"}) {
    INFO(when);
    CHECK_THROWS_AS(library.create(with(kTwo, "when", "[\"" + when + "\"]")), PluginError);
  }
}
