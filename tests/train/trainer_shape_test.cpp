// What a step knows of the run, and what the strategy's shapes do to it: progress, sub-networks, gates.
#include <ATen/ATen.h>

#include <cmath>

#include "catch.h"
#include "support/fake_run.h"

using namespace espalier;

namespace {

// The mean loss on the probe over steps [begin, end), by the definition of a shape.
double mean_loss(const FakeRun& run, const TrainState& state, int64_t begin, int64_t end,
                 const std::function<bool(int64_t)>& runs_last) {
  double sum = 0;
  for (int64_t step = begin; step < end; ++step) {
    StepShape shape = StepShape::everything(state.spec.num_layers);
    shape.run.back() = runs_last(step) ? 1 : 0;
    const at::Tensor logits =
        forward_logits(state.spec, state.params, run.probe.tokens, shape, ComputeType::fp32).to(at::kDouble);
    sum -= at::log_softmax(logits, -1).gather(-1, run.probe.targets.unsqueeze(-1)).mean().item<double>();
  }
  return sum / static_cast<double>(end - begin);
}

}  // namespace

TEST_CASE("decisions see where the run is, observers where it has come", "[train][progress]") {
  FakeRun run({1, 2});
  run.optimizer.lr = 0.5;
  run.growth.one = [](const Progress& p) { return p.step < 3 ? 0.0 : 1.0; };
  const auto lr_of = [](int64_t step) { return 0.01 / static_cast<double>(1 + step); };
  std::vector<Progress> asked, seen;
  run.lr.one = [&](const Progress& p) { return asked.push_back(p), lr_of(p.step); };
  std::vector<FakeSchedule::Metrics> shown;
  run.growth.seen = [&](const Progress& p, const auto& metrics) { seen.push_back(p), shown.push_back(metrics); };
  run.strategy.fill = [](const Progress& p, const ModelSpec&, StepShape& shape) {
    shape.phase = p.stage_step < 1 ? 2 : 0;  // each stage begins with a step of phase 2
  };
  std::vector<double> flops_after{0};
  run.hooks.on_step = [&](const TrainState& s) { flops_after.push_back(s.flops); };
  Trainer trainer = run.trainer(7, run.fresh());
  const Timeline timeline = make_timeline(run.final_spec, run.training, 7, 0.5, run.decisions());
  asked.clear();
  trainer.run();
  REQUIRE(asked.size() == 7);
  REQUIRE(seen.size() == 7);
  for (int64_t step = 0; step < 7; ++step) {
    INFO("step " << step);
    const auto i = static_cast<size_t>(step);
    const auto check = [&](const Progress& p, int64_t at) {  // `at` finished steps, in the stage of `step`
      const int64_t start = step < 3 ? 0 : 3;
      CHECK(p.step == at);
      CHECK(p.total_steps == 7);
      CHECK(p.tokens == 32 * at);
      CHECK(p.total_tokens == 32 * 7);
      CHECK(p.stage == (step < 3 ? 0 : 1));
      CHECK(p.num_stages == 2);
      CHECK(p.stage_step == at - start);
      CHECK(p.stage_total_steps == (step < 3 ? 3 : 4));
      CHECK(p.phase == (step == start ? 2 : 0));
      CHECK(p.epoch == 0.25 * static_cast<double>(at));
      CHECK(p.flops == flops_after[static_cast<size_t>(at)]);
      CHECK(p.total_flops == timeline.total_flops);
      CHECK(p.lr_peak == 0.5);
      CHECK(p.lr_previous == (at == 0 ? 0 : lr_of(at - 1)));
    };
    check(asked[i], step);
    check(seen[i], step + 1);
    const StepReport& report = run.hooks.reports[i];
    CHECK(shown[i] == FakeSchedule::Metrics{{"train/loss", report.loss}, {"train/grad_norm", report.grad_norm}});
  }
}

TEST_CASE("while an operator is learned, decisions see the stage that it begins", "[train][progress]") {
  FakeRun run({1, 2});
  run.strategy.operator_steps = 2;
  run.growth.one = [](const Progress& p) { return p.step < 3 ? 0.0 : 1.0; };
  std::vector<std::vector<int64_t>> asked;  // stage, its step, phase
  Trainer trainer = run.trainer(7, run.fresh());
  run.mixture.one = [&](const Progress& p) {
    asked.push_back({p.stage, p.stage_step, p.phase});
    return 1.0;
  };
  trainer.run();
  CHECK(asked ==
        std::vector<std::vector<int64_t>>{{0, 0, 0}, {0, 1, 0}, {0, 2, 0}, {1, 0, 1}, {1, 1, 1}, {1, 2, 0}, {1, 3, 0}});
}

TEST_CASE("what a step leaves out neither changes nor is counted as updated", "[train][shape]") {
  FakeRun run({3});
  // Layer 1 is bypassed in odd steps; layer 2 and the embedding never train.
  run.strategy.fill = [](const Progress& p, const ModelSpec&, StepShape& shape) {
    shape.run[1] = p.step % 2 == 0 ? 1 : 0;
    shape.trainable[2] = shape.trainable[3] = 0;
  };
  std::vector<ParamTable> after;
  Trainer trainer = run.trainer(4, run.fresh());
  after.push_back(copy_of(trainer.state().params));
  run.hooks.on_step = [&](const TrainState& s) { after.push_back(copy_of(s.params)); };
  trainer.run();
  for (size_t step = 0; step < 4; ++step)
    for (const auto& param : after[step]) {
      INFO("step " << step << " " << param.info.name);
      // The embedding is the head as well, and as that it trains.
      const bool trains = param.info.layer == 2 ? false : param.info.layer == 1 ? step % 2 == 0 : true;
      CHECK(at::equal(param.value, after[step + 1].at(param.info.name)) != trains);
    }
  CHECK(trainer.state().optim.at("layers.0.mlp.up.weight").step == 4);
  CHECK(trainer.state().optim.at("layers.1.mlp.up.weight").step == 2);
  CHECK(trainer.state().optim.count("layers.2.mlp.up.weight") == 0);
}

TEST_CASE("a stage of other sub-networks tells the loss on both sides, averaged over them", "[train][shape]") {
  // When the last layer runs, by the step, by the step of the stage, and by the stage: both are asked about at the
  // boundary.
  const auto runs_last = [](int64_t stage, int64_t step, int64_t stage_step) {
    return stage == 0 ? step % 3 == 0 && stage_step < 8 : step % 4 != 0 && stage_step > 1;
  };
  FakeRun run({2, 2, 2});
  run.growth.one = [](const Progress& p) { return p.step < 2 ? 0.0 : p.step < 13 ? 1.0 : 2.0; };
  run.strategy.fill = [&](const Progress& p, const ModelSpec&, StepShape& shape) {
    shape.run[1] = runs_last(p.stage - 1, p.step, p.stage_step) ? 1 : 0;
  };
  double before = 0, after = 0;
  run.hooks.on_stage_began = [&](const TrainState& s) {
    if (s.stage != 2) return;
    // At most the last eight.
    before = mean_loss(run, s, 5, 13, [&](int64_t step) { return runs_last(0, step, step - 2); });
    after = mean_loss(run, s, 13, 21, [&](int64_t step) { return runs_last(1, step, step - 13); });
  };
  Trainer trainer = run.trainer(22, run.fresh());
  trainer.run();
  REQUIRE(run.hooks.changes.size() == 2);
  const StageChange& change = run.hooks.changes[1];
  CHECK(change.step == 13);
  CHECK(change.stage == 2);
  CHECK(change.draws == 8);
  CHECK(change.loss_before == Approx(before).epsilon(1e-6));
  CHECK(change.loss_after == Approx(after).epsilon(1e-6));
  CHECK(std::abs(before - after) > 1e-3);  // else the two could be taken for each other
}

TEST_CASE("a short stage is averaged over the steps that it had; without sub-networks nothing is", "[train][shape]") {
  for (const bool shaped : {true, false}) {
    FakeRun run({2, 2});
    run.growth.one = [](const Progress& p) { return p.step < 3 ? 0.0 : 1.0; };
    if (shaped) run.strategy.fill = [](const Progress&, const ModelSpec&, StepShape&) {};
    Trainer trainer = run.trainer(5, run.fresh());
    trainer.run();
    REQUIRE(run.hooks.changes.size() == 1);
    CHECK(run.hooks.changes[0].draws == (shaped ? 3 : 0));
  }
}

TEST_CASE("gates that belong to the model are those of the step to come", "[train][shape]") {
  FakeRun run({1, 2});
  run.growth.one = [](const Progress& p) { return p.step < 2 ? 0.0 : 1.0; };
  run.strategy.fill = [](const Progress& p, const ModelSpec&, StepShape& shape) {
    if (p.stage == 0 || p.stage_step >= 3) return;  // the new layer fades in over three steps
    shape.scale.back() = static_cast<float>(p.stage_step) / 4;
    shape.in_evaluation = true;
  };
  std::vector<float> scales;  // of the last layer as the model is evaluated
  const auto note = [&](const TrainState& s) { scales.push_back(s.shape().scale.back()); };
  run.hooks.on_step = run.hooks.on_after_growth = note;
  Trainer trainer = run.trainer(7, run.fresh());
  trainer.run();
  CHECK(scales == std::vector<float>{1, 1, 0, 0.25F, 0.5F, 1, 1, 1});
  CHECK_FALSE(trainer.state().gates);
}
