// A failure in the middle of training leaves the state of the last finished step, with the position in the data that
// belongs to it; and a resumed run that is ahead of its growth schedule stays where it is.
#include <ATen/ATen.h>

#include "catch.h"
#include "core/base/error.h"
#include "support/fake_run.h"

using namespace espalier;
using Catch::Contains;

TEST_CASE("a bad batch leaves the step before it, and the data position of that step", "[train][failure]") {
  FakeRun run;
  run.batches.fails_at = 7;  // the second micro-batch of the fourth step
  ParamTable after_three;
  run.hooks.on_step = [&](const TrainState& state) {
    if (state.step == 3) after_three = copy_of(state.params);
  };
  Trainer trainer = run.trainer(10, run.fresh());
  CHECK_THROWS_WITH(trainer.run(), Contains("a bad batch"));
  CHECK(trainer.whole());
  CHECK(trainer.state().step == 3);
  CHECK(trainer.state().trained.steps == 3);
  CHECK(trainer.state().tokens == 3 * 32);
  CHECK(run.batches.done == 6);
  CHECK(run.batches.handed_out == 7);
  CHECK(same_bits(trainer.state().params, after_three));
}

TEST_CASE("a loss that is not finite leaves the step before it", "[train][failure]") {
  FakeRun run;
  run.lr.one = [](const Progress& p) { return p.step == 2 ? 1e38 : 0.01; };
  Trainer trainer = run.trainer(10, run.fresh());
  CHECK_THROWS_WITH(trainer.run(), Contains("not finite"));
  CHECK(trainer.whole());
  CHECK(trainer.state().step == 3);
  CHECK(run.batches.done == 6);
}

TEST_CASE("where observe() of one schedule fails the others have seen the step", "[train][failure]") {
  FakeRun run;
  run.lr.seen = [](const Progress& p, const auto&) {
    if (p.step == 4) throw Error(ErrorCode::plugin, "observe fails");
  };
  int64_t seen = 0;
  run.mixture.seen = [&](const Progress& p, const auto&) { seen = p.step; };
  Trainer trainer = run.trainer(10, run.fresh());
  seen = 0;  // the plan went through the run, too
  CHECK_THROWS_WITH(trainer.run(), Contains("observe fails"));
  CHECK(trainer.whole());
  CHECK(trainer.state().step == 4);
  CHECK(seen == 4);
  CHECK(run.batches.done == 8);
}

TEST_CASE("a failure after the step, in what records it, leaves that step", "[train][failure]") {
  FakeRun run;
  run.hooks.on_step = [](const TrainState& state) {
    if (state.step == 5) throw std::bad_alloc();
  };
  Trainer trainer = run.trainer(10, run.fresh());
  CHECK_THROWS_AS(trainer.run(), std::bad_alloc);
  CHECK(trainer.whole());
  CHECK(trainer.state().step == 5);
  CHECK(run.batches.done == 10);
}

TEST_CASE("a failure while the weights are changed leaves no whole state", "[train][failure]") {
  FakeRun run;
  TrainState state = run.fresh();
  const at::Tensor other = at::zeros_like(state.params.at("embed.weight"), at::kDouble);
  state.optim["embed.weight"] = {other, other, 1};  // of another type: the update fails midway
  Trainer trainer = run.trainer(10, std::move(state));
  CHECK_THROWS(trainer.run());
  CHECK_FALSE(trainer.whole());
}

TEST_CASE("a resumed run that is ahead of the growth schedule stays in its stage until the next boundary",
          "[train][growth]") {
  FakeRun run({1, 1, 1});
  run.growth.one = [](const Progress& p) { return p.step < 4 ? 0.0 : p.step < 6 ? 1.0 : 2.0; };
  TrainState state = run.fresh();
  state.step = 2;
  state.stage = 1;
  state.stage_starts = {0, 1};
  state.stage_start = 1;
  for (int step = 0; step < 2; ++step) state.trained.add({2, 16, 32}, 32);
  Trainer trainer = run.trainer(10, std::move(state));
  CHECK(trainer.run() == StopReason::finished);
  CHECK(trainer.state().stage_starts == std::vector<int64_t>{0, 1, 6});
  REQUIRE(run.hooks.changes.size() == 1);
  CHECK(run.hooks.changes[0].step == 6);
}

TEST_CASE("a growth schedule that goes back within a run is refused", "[train][growth]") {
  FakeRun run({1, 1, 1});
  bool planned = false;
  run.growth.one = [&](const Progress& p) {
    return planned && p.step == 5 ? 0.0 : p.step < 4 ? 0.0 : p.step < 8 ? 1.0 : 2.0;
  };
  Trainer trainer = run.trainer(10, run.fresh());
  planned = true;
  CHECK_THROWS_WITH(trainer.run(), Contains("asks for stage 1 at step 5"));
  CHECK(trainer.whole());
  CHECK(trainer.state().step == 5);
}
