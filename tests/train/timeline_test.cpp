// The timeline against a walk over every step of the run, for schedules drawn at random.
#include "core/train/timeline.h"

#include <algorithm>
#include <limits>
#include <random>

#include "catch.h"
#include "core/base/error.h"
#include "core/model/flops.h"
#include "support/fake_schedule.h"
#include "support/fake_strategy.h"
#include "support/tiny_model.h"

using namespace espalier;
using Catch::Contains;

namespace {

// A run of random stages, sizes, rates, mixtures and, where `shaped`, sub-networks. Each is a function of the step.
struct RandomRun {
  std::mt19937 draw;
  int64_t steps, first_steps;           // first_steps: of each stage, in a phase of their own
  std::vector<int64_t> starts{0};       // of the stages
  std::vector<double> rates;            // of each step
  std::vector<int64_t> batch, seq_len;  // of each step
  FakeStrategy strategy{{}};
  FakeSchedule growth, lr, mixture;
  TrainingConfig training;
  Decisions decisions;
  bool shaped;

  int64_t between(int64_t low, int64_t high) { return std::uniform_int_distribution<int64_t>(low, high)(draw); }

  RandomRun(unsigned seed, bool with_shapes) : draw(seed), shaped(with_shapes) {
    steps = between(30, 400);
    first_steps = shaped ? between(0, 3) : 0;
    const int64_t stages = between(1, 5);
    while (static_cast<int64_t>(starts.size()) < stages)
      if (const int64_t start = between(1, steps / 5 - 1) * 5; !std::count(starts.begin(), starts.end(), start))
        starts.push_back(start);
    std::sort(starts.begin(), starts.end());
    strategy.layers = {between(1, 2)};
    while (static_cast<int64_t>(strategy.layers.size()) < stages)
      strategy.layers.push_back(strategy.layers.back() + between(0, 2));
    training.seq_len = 16;
    training.micro_batch = 2;
    training.global_batch = 8;
    for (int64_t step = 0; step < steps; ++step) {
      rates.push_back(std::uniform_real_distribution<double>(0.001, 1)(draw));
      const bool change = step == 0 || between(0, 20) == 0;
      batch.push_back(change ? 2 * between(1, 4) : batch.back());
      seq_len.push_back(change ? int64_t{1} << between(1, 4) : seq_len.back());
    }
    growth.one = [this](const Progress& p) { return static_cast<double>(stage_of(p.step)); };
    lr.one = [this](const Progress& p) { return rates[static_cast<size_t>(p.step)]; };
    mixture.many = [](const Progress& p) {
      return std::vector<double>{1.0 + static_cast<double>(p.stage), p.phase != 0 ? 5.0 : 1.0};
    };
    if (shaped) strategy.fill = [this](const Progress& p, const ModelSpec&, StepShape& shape) { fill(p.step, shape); };
    FakeSchedule batches([this](const Progress& p) { return static_cast<double>(batch[static_cast<size_t>(p.step)]); });
    FakeSchedule rows([this](const Progress& p) { return static_cast<double>(seq_len[static_cast<size_t>(p.step)]); });
    Progress start;
    start.total_steps = steps;
    decisions.sizes = plan_step_sizes(training, {&batches, ""}, {&rows, ""}, start);
    decisions.strategy = &strategy;
    decisions.growth = &growth;
    decisions.lr = &lr;
    decisions.mixture = &mixture;
    decisions.mixes_tiers = true;
    decisions.num_tiers = 2;
  }
  int64_t stage_of(int64_t step) const {
    return std::count_if(starts.begin(), starts.end(), [&](int64_t start) { return start <= step; }) - 1;
  }
  // Pure in the step: which layers run, which train, and the phase.
  void fill(int64_t step, StepShape& shape) const {
    for (size_t layer = 0; layer < shape.num_layers(); ++layer) {
      shape.run[layer] = (step + static_cast<int64_t>(layer)) % 3 != 0 || layer == 0 ? 1 : 0;
      shape.trainable[layer] = (step / 4 + static_cast<int64_t>(layer)) % 2 == 0 ? 1 : 0;
    }
    if (step - starts[static_cast<size_t>(stage_of(step))] < first_steps) shape.phase = 1;
  }
  ModelSpec final_spec() const { return tiny_llama(strategy.layers.back()); }
  Timeline timeline() { return make_timeline(final_spec(), training, steps, 1, decisions); }
};

// The share of the parameters that a step trains, one parameter after the other.
double trained_share(const ModelSpec& spec, const StepShape& shape) {
  double trained = 0, all = 0;
  for (const auto& info : param_infos(spec)) {
    const auto layer = static_cast<size_t>(info.layer);
    const bool trains = info.layer < 0 ? (info.role == "final_norm" ? shape.final_norm_trainable()
                                          : info.role == "lm_head"  ? shape.head_trainable()
                                                                    : shape.embed_trainable())
                                       : shape.run[layer] != 0 && shape.trainable[layer] != 0;
    all += static_cast<double>(info.numel());
    if (trains) trained += static_cast<double>(info.numel());
  }
  return trained / all;
}

// A stage as a walk over all steps finds it.
StageRow walk_stage(const RandomRun& run, int64_t stage) {
  StageRow row;
  row.start = -1;
  row.spec = tiny_llama(run.strategy.layers[static_cast<size_t>(stage)]);
  int64_t most_layers = 0;
  for (int64_t step = 0; step < run.steps; ++step) {
    if (run.stage_of(step) != stage) continue;
    const auto i = static_cast<size_t>(step);
    if (row.start < 0) row.start = step, row.lr_first = run.rates[i];
    StepShape shape = StepShape::everything(row.spec.num_layers);
    if (run.shaped) run.fill(step, shape);
    const int64_t running = std::count(shape.run.begin(), shape.run.end(), 1), tokens = run.batch[i] * 16;
    ModelSpec rows = row.spec;
    rows.seq_len = run.seq_len[i];
    row.steps += 1;
    row.tokens += tokens;
    row.flops += step_flops(rows, shape, tokens);
    row.phase_steps += shape.phase != 0 ? 1 : 0;
    row.trainable_fraction = std::min(row.trainable_fraction, trained_share(row.spec, shape));
    row.mean_layers += static_cast<double>(running);
    row.lr_last = run.rates[i];
    row.lr_max = std::max(row.lr_max, run.rates[i]);
    if (running > most_layers) {
      most_layers = running;
      row.memory_bytes = train_memory_bytes(row.spec, shape, run.training.micro_batch, 4);
    }
  }
  row.mean_layers /= static_cast<double>(row.steps);
  return row;
}

std::string refusal(RandomRun& run, ErrorCode code, const std::string& place) {
  run.decisions.strategy_place = "run.toml:5:1";
  run.decisions.growth_place = "run.toml:8:1";
  try {
    run.timeline();
  } catch (const Error& error) {
    CHECK(error.code() == code);
    CHECK(error.place() == place);
    return error.message();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("every stage is what a walk over its steps finds", "[train][timeline]") {
  for (unsigned seed = 0; seed < 60; ++seed) {
    RandomRun run(seed, seed % 2 == 1);
    INFO("seed " << seed << ", " << run.steps << " steps, " << run.starts.size() << " stages");
    const Timeline timeline = run.timeline();
    REQUIRE(timeline.stages.size() == run.starts.size());
    double flops = 0;
    int64_t tokens = 0;
    for (const StageRow& row : timeline.stages) {
      INFO("stage " << row.stage);
      const StageRow walked = walk_stage(run, row.stage);
      CHECK(row.start == walked.start);
      CHECK(row.steps == walked.steps);
      CHECK(row.tokens == walked.tokens);
      CHECK(row.spec == walked.spec);
      CHECK(row.flops == Approx(walked.flops).epsilon(1e-12));
      CHECK(row.phase_steps == walked.phase_steps);
      CHECK(row.trainable_fraction == Approx(walked.trainable_fraction).epsilon(1e-12));
      CHECK(row.mean_layers == Approx(walked.mean_layers).epsilon(1e-12));
      CHECK(row.memory_bytes == walked.memory_bytes);
      CHECK(row.lr_first == walked.lr_first);
      CHECK(row.lr_last == walked.lr_last);
      CHECK(row.lr_max == walked.lr_max);
      const double weight = 1.0 + static_cast<double>(row.stage);  // in the main phase the other tier weighs 1
      if (row.steps > row.phase_steps)
        CHECK(row.tier_weights == std::vector<double>{weight / (weight + 1), 1 / (weight + 1)});
      flops += walked.flops;
      tokens += walked.tokens;
    }
    CHECK(timeline.total_steps == run.steps);
    CHECK(timeline.total_tokens == tokens);
    CHECK(timeline.total_flops == Approx(flops).epsilon(1e-12));
    for (int64_t step = 0; step < run.steps; ++step) CHECK(timeline.at_step(step).stage == run.stage_of(step));
  }
}

TEST_CASE("of a long run a part is visited, and what never changes is exact", "[train][timeline]") {
  RandomRun run(1, false);
  run.steps = 1'000'003;
  run.starts = {0, 777};
  run.strategy.layers = {2, 4};
  run.strategy.fill = [](const Progress&, const ModelSpec&, StepShape& shape) { shape.run.back() = 0; };
  run.decisions.sizes = StepSizes(run.training);
  run.lr.one = [](const Progress&) { return 0.5; };
  int64_t asked = 0;
  run.growth.one = [&](const Progress& p) { return ++asked, p.step < 777 ? 0.0 : 1.0; };
  const Timeline timeline = run.timeline();
  CHECK(timeline.stages[1].start == 777);
  CHECK(asked < 50);  // by bisection
  const ModelSpec spec = tiny_llama(4);
  StepShape shape = StepShape::everything(4);
  shape.run.back() = 0;
  CHECK(timeline.stages[1].flops == Approx((1'000'003.0 - 777) * step_flops(spec, shape, 128)).epsilon(1e-9));
  CHECK(timeline.stages[1].mean_layers == 3);
  CHECK(timeline.total_tokens == 1'000'003 * 128);
}

TEST_CASE("a growth operator is priced with the steps that learn it", "[train][timeline]") {
  RandomRun run(2, false);
  run.starts = {0, 10};
  run.strategy.layers = {1, 3};
  run.strategy.operator_steps = 4;
  const Timeline timeline = run.timeline();
  const StageRow& row = timeline.stages[1];
  const growth::Plan plan = run.strategy.plan(tiny_llama(1), tiny_llama(3));
  REQUIRE(growth::expansion_step_flops(plan) > 0);
  // Whether an operator is learned or not, a step runs the larger model; learning adds expansions, growth the last one.
  const double expected = walk_stage(run, 1).flops + 4 * growth::expansion_step_flops(plan) + growth::plan_flops(plan);
  CHECK(row.flops == Approx(expected).epsilon(1e-12));
  CHECK(row.operator_steps == 4);
  CHECK(row.phase_steps == 4);
}

TEST_CASE("every plan is made once before step 1", "[train][timeline]") {
  RandomRun run(3, false);
  run.starts = {0, 5, 10, 15};
  run.strategy.layers = {1, 1, 2, 4};  // the second stage grows nothing
  int64_t plans = 0;
  run.strategy.planned = [&] { ++plans; };
  run.timeline();
  CHECK(plans == 2);
  run.strategy.planned = [] { throw Error(ErrorCode::plugin, "no such plan", "org.fake"); };
  CHECK(refusal(run, ErrorCode::plugin, "org.fake") == "no such plan");
}

TEST_CASE("stages that cannot be are refused where they were chosen", "[train][timeline]") {
  RandomRun run(4, false);
  run.steps = 40;
  run.starts = {0, 10, 20};
  run.strategy.layers = {1, 2, 3};
  run.decisions.growth = nullptr;
  CHECK_THAT(refusal(run, ErrorCode::config, "run.toml:5:1"), Contains("nothing says when they begin"));
  run.decisions.growth = &run.growth;
  run.strategy.layers = {1, 3, 2};
  CHECK(refusal(run, ErrorCode::config, "run.toml:5:1") == "growth stage 3 would shrink num_layers from 3 to 2");
  run.strategy.layers = {1, 2, 3};
  run.strategy.operator_steps = 10;
  CHECK_THAT(refusal(run, ErrorCode::config, "run.toml:5:1"), Contains("stage 2 has 10 steps") && Contains("takes 10"));
  run.strategy.operator_steps = 9;
  CHECK(refusal(run, ErrorCode::config, "") == "accepted");
  run.strategy.operator_steps = 0;
  run.starts = {0, 10, 10};
  CHECK_THAT(refusal(run, ErrorCode::config, "run.toml:8:1"),
             Contains("stage 2 of 3 would have no steps") && Contains("due at step 10, where it begins"));
  run.starts = {0, 10, 40};
  CHECK_THAT(refusal(run, ErrorCode::config, "run.toml:8:1"), Contains("stage 3 of 3 would have no steps"));
  for (const double value : {3.0, -1.0}) {
    run.growth.one = [value](const Progress& p) { return p.step < 10 ? 0.0 : value; };
    CHECK_THAT(refusal(run, ErrorCode::plugin, "schedule.growth"),
               Contains("asks for stage " + std::to_string(static_cast<int>(value))) && Contains("there are 3 stages"));
  }
}
