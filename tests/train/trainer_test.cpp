// What the training loop does and when: the order inside a step, growth at its boundary, the ends of a run.
#include <ATen/ATen.h>
#include <fmt/format.h>

#include "catch.h"
#include "support/fake_run.h"

using namespace espalier;
using Catch::Contains;

namespace {

using Lines = std::vector<std::string>;

// Every part writes down that it was called, in one list; "update" stands where the weights were first seen to differ.
class LoggedRun : public FakeRun {
 public:
  Lines log;

  explicit LoggedRun(std::vector<int64_t> layers) : FakeRun(std::move(layers)) {
    listen(lr, "lr");
    listen(growth, "growth");
    listen(mixture, "mixture");
    strategy.fill = [this](const Progress& p, const ModelSpec&, StepShape&) { note("shape of", p.step); };
    strategy.planned = [this] { note("plan"); };
    batches.on_weights = [this] { note("set weights"); };
    batches.on_next = [this] { note("batch"); };
    batches.on_done = [this] { note("batches done", batches.done); };
    hooks.on_step = [this](const TrainState& s) { note("after step", s.step); };
    hooks.on_before_growth = [this](const TrainState& s) { note("before growth", s.spec.num_layers); };
    hooks.on_after_growth = [this](const TrainState& s) { note("after growth", s.spec.num_layers); };
    hooks.on_stage_ended = [this](const TrainState& s) { note("stage ended", s.stage); };
    hooks.on_stage_began = [this](const TrainState& s) { note("stage began", s.stage); };
    hooks.stop = [this] { return note("stop?"), false; };
  }
  StopReason train(int64_t steps) {
    Trainer trainer = this->trainer(steps, fresh());
    trainer_ = &trainer;  // the timeline has asked everybody; from here on it is noted
    const StopReason reason = trainer.run();
    trainer_ = nullptr;
    return reason;
  }

 private:
  void listen(FakeSchedule& schedule, const std::string& name) {
    schedule.one = [this, name, old = schedule.one](const Progress& p) { return note(name + " of", p.step), old(p); };
    schedule.seen = [this, name](const Progress& p, const auto&) { note(name + " sees", p.step); };
  }
  void note(const std::string& what, int64_t number = -1) {
    if (trainer_ == nullptr) return;
    const at::Tensor now = trainer_->state().params.at("embed.weight").detach();
    if (before_.defined() && !at::equal(before_, now)) log.push_back("update");
    before_ = now.clone();
    log.push_back(number < 0 ? what : fmt::format("{} {}", what, number));
  }

  const Trainer* trainer_ = nullptr;
  at::Tensor before_;
};

Lines step_lines(int64_t step) {
  return {fmt::format("shape of {}", step),
          fmt::format("mixture of {}", step),
          "set weights",
          "batch",
          "batch",
          fmt::format("lr of {}", step),
          "update",
          fmt::format("batches done {}", 2 * (step + 1)),
          fmt::format("lr sees {}", step + 1),
          fmt::format("growth sees {}", step + 1),
          fmt::format("mixture sees {}", step + 1),
          fmt::format("after step {}", step + 1)};
}

Lines joined(const std::vector<Lines>& parts) {
  Lines out;
  for (const Lines& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

}  // namespace

TEST_CASE("a step asks, trains and tells in the order that is documented", "[train][trainer]") {
  LoggedRun run({1});
  CHECK(run.train(2) == StopReason::finished);
  CHECK(run.log ==
        joined({{"batches done 0"}, {"stop?", "growth of 0"}, step_lines(0), {"stop?", "growth of 1"}, step_lines(1)}));
}

TEST_CASE("growth lies between two steps: the old stage is ended, the larger model trains next", "[train][trainer]") {
  LoggedRun run({1, 2});
  run.growth.one = [](const Progress& p) { return p.step < 1 ? 0.0 : 1.0; };  // when it is asked is told above
  CHECK(run.train(2) == StopReason::finished);
  CHECK(run.log == joined({{"batches done 0", "stop?"},
                           step_lines(0),
                           {"stop?", "stage ended 0", "before growth 1", "plan", "shape of 1", "after growth 2"},
                           step_lines(1)}));
}

TEST_CASE("several stages that begin at once each have their turn", "[train][trainer]") {
  FakeRun run({1, 1, 2, 3});
  run.growth.one = [](const Progress& p) { return static_cast<double>(p.step); };
  Trainer trainer = run.trainer(4, run.fresh());
  run.growth.one = [](const Progress& p) { return p.step < 2 ? 0.0 : 3.0; };
  Lines told;
  run.hooks.on_stage_ended = [&](const TrainState& s) { told.push_back(fmt::format("ended {}", s.stage)); };
  run.hooks.on_stage_began = [&](const TrainState& s) { told.push_back(fmt::format("began {}", s.stage)); };
  run.hooks.on_after_growth = [&](const TrainState& s) { told.push_back(fmt::format("grown {}", s.stage)); };
  CHECK(trainer.run() == StopReason::finished);
  CHECK(told == Lines{"ended 0", "began 1", "grown 2", "grown 3"});
  CHECK(trainer.state().stage_starts == std::vector<int64_t>{0, 2, 2, 2});
  CHECK(trainer.state().lineage.size() == 2);
}

TEST_CASE("growth is the plan carried out between two steps, for weights and for moments", "[train][trainer]") {
  FakeRun run({1, 2});
  run.growth.one = [](const Progress& p) { return p.step < 3 ? 0.0 : 1.0; };
  TrainState small;
  run.hooks.on_before_growth = [&](const TrainState& s) { small = copy_of(s); };
  Trainer trainer = run.trainer(6, run.fresh());
  CHECK(trainer.run() == StopReason::finished);
  REQUIRE(small.step == 3);

  // The same by hand: a model of two layers that begins with copies, and trains on what comes next.
  FakeRun by_hand({2});
  TrainState grown;
  grown.spec = by_hand.final_spec;
  const auto source = [&](const ParamInfo& info) { return FakeStrategy::source_of(info, small.spec); };
  grown.params = ParamTable(grown.spec, [&](const ParamInfo& info) { return small.params.at(source(info)).clone(); });
  for (const auto& info : param_infos(grown.spec))
    if (info.layer < 1) grown.optim[info.name] = small.optim.at(info.name);  // a new layer has no moments yet
  grown.step = 3;
  for (int step = 0; step < 3; ++step) grown.trained.add({2, 16, 32}, 32);
  by_hand.batches.handed_out = 6;
  Trainer further = by_hand.trainer(6, std::move(grown));
  CHECK(further.run() == StopReason::finished);
  CHECK(same_bits(trainer.state().params, further.state().params));
  CHECK(same_bits(trainer.state().optim, further.state().optim));
  for (size_t step = 0; step < 3; ++step) CHECK(run.hooks.reports[3 + step].loss == by_hand.hooks.reports[step].loss);
}

TEST_CASE("a growth that does not preserve what it claims to leaves the smaller model", "[train][trainer]") {
  FakeRun run({1, 2});
  run.strategy.claim = 1e-6;
  run.growth.one = [](const Progress& p) { return p.step < 3 ? 0.0 : 1.0; };
  ParamTable before;
  run.hooks.on_before_growth = [&](const TrainState& s) { before = copy_of(s.params); };
  Trainer trainer = run.trainer(6, run.fresh());
  CHECK_THROWS_WITH(trainer.run(), Contains("claims to preserve"));
  CHECK(trainer.whole());
  CHECK(trainer.state().step == 3);
  CHECK(trainer.state().stage == 0);
  CHECK(trainer.state().lineage.empty());
  CHECK(same_bits(trainer.state().params, before));
}

TEST_CASE("a signal stops before the next step is begun", "[train][trainer]") {
  FakeRun run;
  run.hooks.stop = [&] { return run.hooks.reports.size() == 3; };
  Trainer trainer = run.trainer(10, run.fresh());
  CHECK(trainer.run() == StopReason::signal);
  CHECK(trainer.state().step == 3);
  CHECK(run.batches.handed_out == 6);
  CHECK(trainer.whole());
}

TEST_CASE("where the data ends inside a step the run ends after the step before", "[train][trainer]") {
  FakeRun run;
  run.batches.ends_at = 5;  // the second micro-batch of the third step
  ParamTable after_two;
  run.hooks.on_step = [&](const TrainState& s) { after_two = copy_of(s.params); };
  Trainer trainer = run.trainer(10, run.fresh());
  CHECK(trainer.run() == StopReason::out_of_data);
  CHECK(trainer.state().step == 2);
  CHECK(run.batches.done == 4);
  CHECK(same_bits(trainer.state().params, after_two));
}

TEST_CASE("the guard ends a run whose loss stays up after a growth, and no other", "[train][trainer]") {
  for (const double bound : {0.5, 100.0, 0.0}) {
    FakeRun run;
    run.guard = {bound, 4};
    TrainState state = run.fresh();
    state.watch.watching = true;  // grown at step 0 from a loss that this model is far from
    state.watch.loss_before = 0.1;
    Trainer trainer = run.trainer(6, std::move(state));
    CHECK(trainer.run() == (bound == 0.5 ? StopReason::ran_away : StopReason::finished));
    CHECK(trainer.state().step == (bound == 0.5 ? 4 : 6));
    CHECK(run.hooks.recoveries.empty());
  }
}

TEST_CASE("that the loss has recovered is told once, with the tokens since the growth", "[train][trainer]") {
  FakeRun run;
  TrainState state = run.fresh();
  state.watch.watching = true;
  state.watch.tokens = -8;
  state.watch.loss_before = 100;  // any loss is better
  Trainer trainer = run.trainer(9, std::move(state));
  trainer.run();
  // Not before the fifth step after it: 5 steps of 32 tokens, and 8 before them.
  CHECK(run.hooks.recoveries == std::vector<std::pair<int64_t, int64_t>>{{5, 168}});
}

TEST_CASE("a growth schedule that asks for a stage beyond the last is refused", "[train][trainer]") {
  FakeRun run({1, 1});
  run.growth.one = [](const Progress& p) { return p.step < 2 ? 0.0 : 1.0; };
  Trainer trainer = run.trainer(6, run.fresh());
  run.growth.one = [](const Progress& p) { return p.step < 4 ? 0.0 : 2.0; };
  CHECK_THROWS_WITH(trainer.run(), Contains("asks for stage 3 at step 4"));
  CHECK(trainer.state().step == 4);
}

TEST_CASE("without a strategy nothing grows and every step runs everything", "[train][trainer]") {
  FakeRun with, without;
  Trainer a = with.trainer(3, with.fresh());
  a.run();
  TrainParts parts;
  parts.training = without.training;
  parts.optimizer = without.optimizer;
  parts.final_spec = without.final_spec;
  parts.decisions = without.decisions();
  parts.decisions.strategy = nullptr;
  parts.decisions.growth = nullptr;
  parts.decisions.mixture = nullptr;
  parts.timeline = make_timeline(without.final_spec, without.training, 3, 1, parts.decisions);
  parts.batches = &without.batches;
  parts.hooks = &without.hooks;
  parts.probe = without.probe;
  Trainer b(std::move(parts), without.fresh());
  CHECK(b.run() == StopReason::finished);
  CHECK(same_bits(a.state().params, b.state().params));
}
