// A run that is cut anywhere and goes on from what was kept is the run that was not cut, to the bit; and a run does
// what its timeline said.
#include <ATen/ATen.h>

#include "catch.h"
#include "support/fake_run.h"

using namespace espalier;
using Catch::Contains;

namespace {

constexpr int64_t kSteps = 12;

// Stages of 1, 1, 2 and 3 layers from steps 0, 2, 4 and 8. The growths learn an operator for two steps each; the last
// layer fades in, and some steps leave layer 0 out. The batch grows, the rows too.
struct Eventful : FakeRun {
  Eventful() : FakeRun({1, 1, 2, 3}) {
    training.global_batch = 3;
    strategy.operator_steps = 2;
    growth.one = [](const Progress& p) { return p.step < 2 ? 0.0 : p.step < 4 ? 1.0 : p.step < 8 ? 2.0 : 3.0; };
    lr.one = [](const Progress& p) { return 0.01 + 0.1 * p.lr_previous + 1e-4 * static_cast<double>(p.stage_step); };
    strategy.fill = [](const Progress& p, const ModelSpec&, StepShape& shape) {
      if (p.step == 1 || p.step == 7) shape.run[0] = 0;
      if (p.stage == 3 && p.stage_step < 4) shape.scale.back() = 0.5F, shape.in_evaluation = true;
    };
    FakeSchedule batch([](const Progress& p) { return p.step < 5 ? 2 : 3; });
    FakeSchedule seq_len([](const Progress& p) { return p.step < 3 ? 8 : 16; });
    Progress start;
    start.total_steps = kSteps;
    sizes = plan_step_sizes(training, {&batch, ""}, {&seq_len, ""}, start);
  }
};

void check_same(const GrowthWatch& a, const GrowthWatch& b) {
  CHECK(a.average == b.average);
  CHECK(a.weight == b.weight);
  CHECK(a.samples == b.samples);
  CHECK(a.watching == b.watching);
  CHECK(a.step == b.step);
  CHECK(a.tokens == b.tokens);
  CHECK(a.loss_before == b.loss_before);
}

void check_same(const TrainState& a, const TrainState& b) {
  CHECK(a.spec == b.spec);
  CHECK(same_bits(a.params, b.params));
  CHECK(same_bits(a.optim, b.optim));
  CHECK(a.step == b.step);
  CHECK(a.tokens == b.tokens);
  CHECK(a.stage == b.stage);
  CHECK(a.stage_start == b.stage_start);
  CHECK(a.stage_starts == b.stage_starts);
  CHECK((a.trained.spans == b.trained.spans));
  CHECK(a.flops == b.flops);
  CHECK(a.lr_previous == b.lr_previous);
  CHECK((a.gates == b.gates));
  check_same(a.watch, b.watch);
  REQUIRE(a.lineage.size() == b.lineage.size());
  for (size_t i = 0; i < a.lineage.size(); ++i) {
    CHECK(a.lineage[i].step == b.lineage[i].step);
    CHECK(a.lineage[i].plan_hash == b.lineage[i].plan_hash);
    CHECK(a.lineage[i].audit.loss_after == b.lineage[i].audit.loss_after);
    for (const auto& [name, leaf] : a.lineage[i].leaves) CHECK(at::equal(leaf, b.lineage[i].leaves.at(name)));
  }
}

// A whole run, and what a checkpoint after each of its steps would bring back.
struct Uncut {
  Eventful run;
  std::vector<TrainState> kept;
  TrainState end;

  Uncut() {
    kept.push_back(copy_of(run.fresh()));
    run.hooks.on_step = [&](const TrainState& state) { kept.push_back(copy_of(state)); };
    Trainer trainer = run.trainer(kSteps, run.fresh());
    REQUIRE(trainer.run() == StopReason::finished);
    end = trainer.state();
  }
};

}  // namespace

TEST_CASE("a run that goes on from any of its steps ends in the same bits", "[train][resume]") {
  const Uncut whole;
  REQUIRE(whole.end.lineage.size() == 2);
  for (int64_t cut = 1; cut < kSteps; ++cut) {
    INFO("cut after step " << cut);
    TrainState kept = copy_of(whole.kept[static_cast<size_t>(cut)]);
    CHECK(kept.operators.has_value() == (cut == 5 || cut == 6 || cut == 9 || cut == 10));
    Eventful run;
    run.batches.handed_out = kept.trained.steps < 5 ? 2 * cut : 10 + 3 * (cut - 5);
    Trainer trainer = run.trainer(kSteps, std::move(kept));
    REQUIRE(trainer.run() == StopReason::finished);
    check_same(trainer.state(), whole.end);
    for (int64_t step = cut; step < kSteps; ++step) {
      const StepReport &a = run.hooks.reports[static_cast<size_t>(step - cut)],
                       &b = whole.run.hooks.reports[static_cast<size_t>(step)];
      CHECK(a.loss == b.loss);
      CHECK(a.grad_norm == b.grad_norm);
      CHECK(a.lr == b.lr);
    }
  }
}

TEST_CASE("an operator that is being learned goes on under its own plan alone", "[train][resume]") {
  const Uncut whole;
  const auto refusal = [&](const std::function<void(Eventful&)>& change) -> std::string {
    Eventful run;
    change(run);
    run.batches.handed_out = 10;
    TrainState state = copy_of(whole.kept[5]);
    Trainer trainer = run.trainer(kSteps, std::move(state));
    try {
      trainer.run();
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::checkpoint);
      CHECK(run.batches.handed_out == 10);
      return error.message();
    }
    return {};
  };
  CHECK(refusal([](Eventful&) {}).empty());
  CHECK_THAT(refusal([](Eventful& run) { run.strategy.first_factor = 0.25; }), Contains("another growth operator"));
  CHECK_THAT(refusal([](Eventful& run) {
               run.strategy.layers = {1, 2};
               run.growth.one = [](const Progress& p) { return p.step < 4 ? 0.0 : 1.0; };
             }),
             Contains("while a growth operator was being learned"));
}

TEST_CASE("a run does what its timeline said", "[train][timeline]") {
  Eventful run;
  const Timeline timeline = make_timeline(run.final_spec, run.training, kSteps, run.optimizer.lr, run.decisions());
  Trainer trainer = run.trainer(kSteps, run.fresh());
  trainer.run();
  const TrainState& state = trainer.state();
  CHECK(state.flops == Approx(timeline.total_flops).epsilon(1e-12));
  CHECK(state.tokens == timeline.total_tokens);
  REQUIRE(state.stage_starts.size() == timeline.stages.size());
  for (size_t stage = 0; stage < timeline.stages.size(); ++stage)
    CHECK(state.stage_starts[stage] == timeline.stages[stage].start);
  CHECK(state.spec == timeline.stages.back().spec);
  CHECK(timeline.stages[2].operator_steps == 2);
  CHECK(state.lineage[0].operator_steps == 2);
  CHECK(state.lineage[0].step == 6);
}
