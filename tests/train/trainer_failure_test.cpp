// A failure in the middle of training leaves the state of the last finished step, with the position in the data that
// belongs to it; and a resumed run that is ahead of its growth schedule stays where it is.
#include <ATen/ATen.h>

#include <functional>

#include "catch.h"
#include "core/base/error.h"
#include "core/model/init.h"
#include "core/train/trainer.h"
#include "support/tiny_model.h"

using namespace espalier;
using Catch::Contains;

namespace {

class Function : public Schedule {
 public:
  std::function<double(const Progress&)> f = [](const Progress&) { return 0.01; };
  std::function<void(const Progress&)> seen = [](const Progress&) {};
  std::vector<double> values(const Progress& progress) override { return {f(progress)}; }
  void observe(const Progress& progress, const std::vector<std::string>&, const std::vector<double>&) override {
    seen(progress);
  }
  std::string save_state() override { return {}; }
  void load_state(const std::string&) override {}
};

class SameModel : public growth::Strategy {
 public:
  int64_t num_stages(const ModelSpec&) override { return 3; }
  ModelSpec stage_spec(const ModelSpec& final_spec, int64_t) override { return final_spec; }
  growth::Plan plan(const ModelSpec&, const ModelSpec&) override { return {}; }
  void fill_step_shape(const Progress&, const ModelSpec&, StepShape&) override {}
  bool shapes_steps() const override { return false; }
  bool claims_preserving() const override { return false; }
  double preserve_tol() const override { return 0; }
  std::string save_state() override { return {}; }
  void load_state(const std::string&) override {}
};

struct Batches : BatchSource {
  int64_t handed_out = 0, done = 0, fails_at = -1;
  void set_weights(const MixtureWeights&) override {}
  bool next(Batch& batch) override {
    if (handed_out == fails_at) throw Error(ErrorCode::data, "a bad batch");
    const at::Tensor row = at::arange(17, at::kLong).add(3 * handed_out++).remainder(61).unsqueeze(0);
    batch = {row.narrow(1, 0, 16), row.narrow(1, 1, 16)};
    return true;
  }
  void step_done() override { done = handed_out; }
  double epoch() const override { return 0; }
};

struct Hooks : TrainHooks {
  std::function<void(const TrainState&)> step = [](const TrainState&) {};
  std::vector<int64_t> stages;
  void after_step(const TrainState& state, const StepReport&) override { step(state); }
  void before_growth(const TrainState&) override {}
  void after_growth(const TrainState&, const GrowthEvent&) override {}
  void stage_ended(const TrainState&) override {}
  void stage_began(const TrainState& state, const StageChange&) override { stages.push_back(state.step); }
  void recovered(const TrainState&, int64_t) override {}
  bool stop_requested() override { return false; }
};

struct Run {
  ModelSpec spec = tiny_llama(1);
  Function lr, growth, mixture;
  SameModel strategy;
  Batches batches;
  Hooks hooks;
  bool grows = false;

  Trainer trainer(int64_t steps, TrainState state) {
    TrainParts parts;
    parts.training.seq_len = 16;
    parts.training.micro_batch = 1;
    parts.training.global_batch = 2;
    parts.training.dtype = "fp32";
    parts.final_spec = spec;
    parts.decisions.lr = &lr;
    parts.decisions.sizes = StepSizes(parts.training);
    mixture.f = [](const Progress&) { return 1.0; };
    parts.decisions.mixture = &mixture;
    parts.decisions.mixes_tiers = true;
    if (grows) parts.decisions.strategy = &strategy, parts.decisions.growth = &growth;
    parts.timeline = make_timeline(spec, parts.training, steps, 1, parts.decisions);
    parts.batches = &batches;
    parts.hooks = &hooks;
    parts.probe = {at::zeros({1, 16}, at::kLong), at::zeros({1, 16}, at::kLong)};
    return {std::move(parts), std::move(state)};
  }
  TrainState fresh() const {
    TrainState state;
    state.spec = spec;
    state.params = init_params(spec, 1, 0.1, 1);
    return state;
  }
};

ParamTable copy(const ParamTable& params) {
  return params.transformed([](const Param& param) { return param.value.detach().clone(); });
}

void check_same(const ParamTable& a, const ParamTable& b) {
  for (const auto& param : a) CHECK(at::equal(param.value, b.at(param.info.name)));
}

}  // namespace

TEST_CASE("a bad batch leaves the step before it, and the data position of that step", "[train][failure]") {
  Run run;
  run.batches.fails_at = 7;  // the second micro-batch of the fourth step
  ParamTable after_three;
  run.hooks.step = [&](const TrainState& state) {
    if (state.step == 3) after_three = copy(state.params);
  };
  Trainer trainer = run.trainer(10, run.fresh());
  CHECK_THROWS_WITH(trainer.run(), Contains("a bad batch"));
  CHECK(trainer.whole());
  CHECK(trainer.state().step == 3);
  CHECK(trainer.state().trained.steps == 3);
  CHECK(trainer.state().tokens == 3 * 32);
  CHECK(run.batches.done == 6);
  CHECK(run.batches.handed_out == 7);
  check_same(trainer.state().params, after_three);
}

TEST_CASE("a loss that is not finite leaves the step before it", "[train][failure]") {
  Run run;
  run.lr.f = [](const Progress& p) { return p.step == 2 ? 1e38 : 0.01; };
  Trainer trainer = run.trainer(10, run.fresh());
  CHECK_THROWS_WITH(trainer.run(), Contains("not finite"));
  CHECK(trainer.whole());
  CHECK(trainer.state().step == 3);
  CHECK(run.batches.done == 6);
}

TEST_CASE("where observe() of one schedule fails the others have seen the step", "[train][failure]") {
  Run run;
  run.lr.seen = [](const Progress& p) {
    if (p.step == 4) throw Error(ErrorCode::plugin, "observe fails");
  };
  int64_t seen = 0;
  run.mixture.seen = [&](const Progress& p) { seen = p.step; };
  Trainer trainer = run.trainer(10, run.fresh());
  seen = 0;  // the plan went through the run, too
  CHECK_THROWS_WITH(trainer.run(), Contains("observe fails"));
  CHECK(trainer.whole());
  CHECK(trainer.state().step == 4);
  CHECK(seen == 4);
  CHECK(run.batches.done == 8);
}

TEST_CASE("a failure after the step, in what records it, leaves that step", "[train][failure]") {
  Run run;
  run.hooks.step = [](const TrainState& state) {
    if (state.step == 5) throw std::bad_alloc();
  };
  Trainer trainer = run.trainer(10, run.fresh());
  CHECK_THROWS_AS(trainer.run(), std::bad_alloc);
  CHECK(trainer.whole());
  CHECK(trainer.state().step == 5);
  CHECK(run.batches.done == 10);
}

TEST_CASE("a failure while the weights are changed leaves no whole state", "[train][failure]") {
  Run run;
  TrainState state = run.fresh();
  const at::Tensor other = at::zeros_like(state.params.at("embed.weight"), at::kDouble);
  state.optim["embed.weight"] = {other, other, 1};  // of another type: the update fails midway
  Trainer trainer = run.trainer(10, std::move(state));
  CHECK_THROWS(trainer.run());
  CHECK_FALSE(trainer.whole());
}

TEST_CASE("a resumed run that is ahead of the growth schedule stays in its stage until the next boundary",
          "[train][growth]") {
  Run run;
  run.grows = true;
  run.growth.f = [](const Progress& p) { return p.step < 4 ? 0.0 : p.step < 6 ? 1.0 : 2.0; };
  TrainState state = run.fresh();
  state.step = 2;
  state.stage = 1;
  state.stage_starts = {0, 1};
  state.stage_start = 1;
  for (int step = 0; step < 2; ++step) state.trained.add({2, 16, 32}, 32);
  Trainer trainer = run.trainer(10, std::move(state));
  CHECK(trainer.run() == StopReason::finished);
  CHECK(trainer.state().stage_starts == std::vector<int64_t>{0, 1, 6});
  CHECK(run.hooks.stages == std::vector<int64_t>{6});
}

TEST_CASE("a growth schedule that goes back within a run is refused", "[train][growth]") {
  Run run;
  run.grows = true;
  bool planned = false;
  run.growth.f = [&](const Progress& p) {
    return planned && p.step == 5 ? 0.0 : p.step < 4 ? 0.0 : p.step < 8 ? 1.0 : 2.0;
  };
  Trainer trainer = run.trainer(10, run.fresh());
  planned = true;
  CHECK_THROWS_WITH(trainer.run(), Contains("asks for stage 1 at step 5"));
  CHECK(trainer.whole());
  CHECK(trainer.state().step == 5);
}
