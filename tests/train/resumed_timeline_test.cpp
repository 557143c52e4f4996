// The timeline of a run that is resumed: stages begin when they did, and the rest is planned from where the run stands.
#include <algorithm>

#include "catch.h"
#include "core/base/error.h"
#include "core/train/timeline.h"
#include "support/fake_schedule.h"
#include "support/fake_strategy.h"
#include "support/tiny_model.h"

using namespace espalier;
using Catch::Contains;

namespace {

// As long as each other: a third of the run each.
double thirds(const Progress& p) {
  return static_cast<double>(std::min<int64_t>(3 * p.step / p.total_steps, 2));
}

TrainState at_step_12_of_12() {
  TrainState state;
  state.spec = tiny_llama(2);
  state.step = 12;
  state.stage = 2;
  state.stage_starts = {0, 4, 8};
  state.stage_start = 8;
  state.lr_previous = 0.5;
  for (int step = 0; step < 12; ++step) state.trained.add({8, 16, 128}, 128);
  return state;
}

struct Run {
  FakeStrategy strategy{{2, 2, 2}};  // stages that change no shape
  FakeSchedule growth{thirds};
  FakeSchedule lr{[](const Progress& p) { return static_cast<double>(p.step); }};
  TrainingConfig training;
  Decisions decisions;

  Timeline timeline(int64_t steps, const TrainState* resumed) {
    training.seq_len = 16;
    training.micro_batch = 8;
    decisions.strategy = &strategy;
    decisions.growth = &growth;
    decisions.growth_place = "run.toml:3:1";
    decisions.lr = &lr;
    decisions.sizes = StepSizes(training, resumed == nullptr ? TrainedSteps() : resumed->trained);
    return make_timeline(tiny_llama(2), training, steps, 1, decisions, resumed);
  }
};

}  // namespace

TEST_CASE("a grown run that is lengthened stays in its stage", "[train][timeline]") {
  const TrainState state = at_step_12_of_12();
  const Timeline timeline = Run().timeline(60, &state);
  REQUIRE(timeline.stages.size() == 3);
  CHECK(timeline.stages[1].start == 4);
  CHECK(timeline.stages[2].start == 8);  // not at step 40, as the schedule says of a run of 60
  CHECK(timeline.stages[2].steps == 52);
  CHECK(timeline.stages[2].lr_first == 12);  // of the steps to come
  CHECK(timeline.stages[0].lr_max == 0);
  CHECK(timeline.total_tokens == 60 * 128);
  CHECK_THAT(format_timeline(timeline), Contains(" - "));
}

TEST_CASE("a run in an earlier stage grows at the new boundaries", "[train][timeline]") {
  TrainState state = at_step_12_of_12();
  state.stage = 1;
  state.stage_start = 4;
  state.stage_starts = {0, 4};
  const Timeline timeline = Run().timeline(60, &state);
  CHECK(timeline.stages[1].start == 4);
  CHECK(timeline.stages[1].steps == 36);
  CHECK(timeline.stages[2].start == 40);
  // Shortened: what is overdue begins now.
  const Timeline shorter = Run().timeline(15, &state);
  CHECK(shorter.stages[2].start == 12);
  CHECK(shorter.stages[2].steps == 3);
}

TEST_CASE("the timeline of a run resumed with its own settings is that of the whole run", "[train][timeline]") {
  const TrainState state = at_step_12_of_12();
  const Timeline whole = Run().timeline(12, nullptr), resumed = Run().timeline(12, &state);
  CHECK(whole.total_flops == resumed.total_flops);
  for (size_t i = 0; i < 3; ++i) {
    CHECK(whole.stages[i].start == resumed.stages[i].start);
    CHECK(whole.stages[i].steps == resumed.stages[i].steps);
    CHECK(whole.stages[i].flops == resumed.stages[i].flops);
  }
}

TEST_CASE("a run that is shorter than what is done has no steps left, and that is no error", "[train][timeline]") {
  const TrainState state = at_step_12_of_12();
  const Timeline timeline = Run().timeline(5, &state);
  CHECK(timeline.stages[2].steps == 0);
  CHECK(timeline.stages[2].tokens == 0);
}

TEST_CASE("a schedule that reacts keeps its planned starts", "[train][timeline]") {
  Run run;
  run.growth = FakeSchedule(thirds, "state");
  TrainState state = at_step_12_of_12();
  state.stage_starts = {0, 3, 5};
  CHECK(run.timeline(12, &state).stages[2].start == 8);
}

TEST_CASE("growth that cannot happen inside the run names the keys", "[train][timeline]") {
  Run run;
  run.growth = FakeSchedule([](const Progress& p) { return p.step < 100 ? 0.0 : p.step < 200 ? 1.0 : 2.0; });
  try {
    run.timeline(12, nullptr);
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::config);
    CHECK(error.place() == "run.toml:3:1");
    CHECK_THAT(error.message(), Contains("training.steps") && Contains("12"));
    CHECK_THAT(error.hint(), Contains("training.steps") && Contains("schedule.growth.params"));
  }
}
