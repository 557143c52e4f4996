// The plan of the data mixture: the learning rate that a mixture sees, what it changes, and that planning leaves no
// trace.
#include "core/train/mixture_plan.h"

#include <cmath>

#include "catch.h"
#include "support/fake_schedule.h"

using namespace espalier;
using Catch::Contains;

namespace {

using Values = std::vector<double>;

Progress run_of(int64_t steps) {
  Progress start;
  start.total_steps = steps;
  start.total_tokens = 10 * steps;
  start.lr_peak = 1;
  return start;
}

std::vector<MixtureSpan> plan(const Decisions& decisions, int64_t steps) {
  return plan_mixture(decisions, run_of(steps), {{0, steps / 2, 2, 1.0}, {steps / 2, steps - steps / 2, 0, 3.0}},
                      [](int64_t step) { return 10 * step; });
}

}  // namespace

TEST_CASE("a mixture is planned with the learning rate of every step before", "[train][mixture]") {
  FakeSchedule lr, mixture;
  lr.one = [](const Progress& p) { return 1 - 0.01 * static_cast<double>(p.step); };
  mixture.many = [](const Progress& p) {
    if (p.step > 0) CHECK(p.lr_previous == 1 - 0.01 * static_cast<double>(p.step - 1));
    if (p.step == 0) CHECK(p.lr_previous == 0);
    CHECK(p.tokens == 10 * p.step);
    CHECK(p.stage == (p.step < 50 ? 0 : 1));
    CHECK(p.phase == (p.step < 2 ? 1 : 0));
    return p.step > 0 && p.lr_previous <= 0.2 ? Values{1, 3} : Values{1, 0};
  };
  Decisions decisions;
  decisions.lr = &lr;
  decisions.mixture = &mixture;
  decisions.mixed_sources = {"web", "qa"};
  const std::vector<MixtureSpan> spans = plan(decisions, 100);
  REQUIRE(spans.size() == 2);
  CHECK(spans[1].start == 81);  // step 80 has a rate of 0.2
  CHECK(spans[1].shares.sources == Values{0.25, 0.75});
  CHECK(spans[1].shares.tiers.empty());
  CHECK(mixture_at(spans, 0).start == 0);
  CHECK(mixture_at(spans, 80).start == 0);
  CHECK(mixture_at(spans, 81).start == 81);
  CHECK(mixture_at(spans, 99).start == 81);
  const std::string text = format_mixture(spans, decisions.mixed_sources, 100);
  CHECK_THAT(text, Contains("from step        0 (  0.0%)  web 100.0% qa 0.0%"));
  CHECK_THAT(text, Contains("from step       81 ( 81.0%)  web 25.0% qa 75.0%"));
}

TEST_CASE("planning shows a mixture with state every step and puts the state back", "[train][mixture]") {
  FakeSchedule lr, mixture;
  mixture.state = "fresh";
  int64_t observed = 0;
  mixture.seen = [&](const Progress& p, const auto& metrics) {
    CHECK(metrics.empty());
    observed += 1;
    CHECK(p.step == observed);
    CHECK(p.phase == (p.step <= 2 ? 1 : 0));  // of the step that ran
    if (p.step == 30) mixture.state = "switched";
  };
  mixture.many = [&](const Progress&) { return mixture.state == "fresh" ? Values{1, 1} : Values{0, 1}; };
  Decisions decisions;
  decisions.lr = &lr;
  decisions.mixture = &mixture;
  decisions.num_tiers = 2;
  decisions.mixes_tiers = true;
  const auto spans = plan(decisions, 100);
  CHECK(observed == 100);
  CHECK(mixture.state == "fresh");
  REQUIRE(spans.size() == 2);
  CHECK(spans[1].start == 30);
  CHECK(spans[0].shares.tiers == Values{0.5, 0.5});
}

TEST_CASE("the weights of tiers and of sources are told apart", "[train][mixture]") {
  FakeSchedule mixture;
  mixture.many = [](const Progress&) { return Values{1, 2, 3, 4, 5}; };
  Decisions decisions;
  decisions.num_tiers = 3;
  CHECK(decisions.data_weights({}) == MixtureWeights{{}, {1, 1, 1}});  // without a schedule
  decisions.mixture = &mixture;
  decisions.mixes_tiers = true;
  decisions.mixed_sources = {"a", "b"};
  CHECK(decisions.data_weights({}) == MixtureWeights{{4, 5}, {1, 2, 3}});
  decisions.mixes_tiers = false;
  decisions.mixed_sources = {"a", "b", "c", "d", "e"};
  CHECK(decisions.data_weights({}) == MixtureWeights{{1, 2, 3, 4, 5}, {}});
}

TEST_CASE("a mixture that always moves is printed in a few lines, one that never does in none", "[train][mixture]") {
  FakeSchedule lr, mixture;
  mixture.many = [](const Progress& p) { return Values{1, static_cast<double>(p.step)}; };
  Decisions decisions;
  decisions.lr = &lr;
  decisions.mixture = &mixture;
  decisions.num_tiers = 2;
  decisions.mixes_tiers = true;
  const std::string text = format_mixture(plan(decisions, 1000), {}, 1000);
  CHECK(std::count(text.begin(), text.end(), '\n') == 14);
  CHECK_THAT(text, Contains("from step        0") && Contains("from step      999") && Contains("11 of 999 changes"));
  mixture.many = [](const Progress&) { return Values{1, 1}; };
  CHECK(format_mixture(plan(decisions, 1000), {}, 1000).empty());
}

TEST_CASE("weights of zero are refused with step, plugin and place, before step 1", "[train][mixture]") {
  FakeSchedule lr, mixture;
  mixture.many = [](const Progress& p) { return p.step < 7 ? Values{1, 2, 1} : Values{0, 0, 1}; };
  Decisions decisions;
  decisions.lr = &lr;
  decisions.mixture = &mixture;
  decisions.mixes_tiers = true;
  decisions.num_tiers = 2;
  decisions.mixture_place = "run.toml:9:3";
  decisions.mixture_id = "org.example.mixture";
  try {
    plan(decisions, 20);
    FAIL("was planned");
  } catch (const Error& error) {
    CHECK(error.place() == "run.toml:9:3");
    CHECK_THAT(error.message(), Contains("step 8: every tier has weight 0") && Contains("org.example.mixture"));
  }
  mixture.many = [](const Progress&) { return Values{0, 1, 0}; };
  CHECK_THROWS_WITH(plan(decisions, 20), Contains("step 1: every source has weight 0"));
}
