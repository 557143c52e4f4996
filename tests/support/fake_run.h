// All that a Trainer is handed, made of a few lines: batches by rule, hooks that note what they are told.
#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/model/init.h"
#include "core/train/trainer.h"
#include "support/fake_schedule.h"
#include "support/fake_strategy.h"
#include "support/tiny_model.h"

namespace espalier {

// Micro-batch number n of a run: [rows, 17] tokens that no two of them share, of which the last column is target alone.
inline at::Tensor fake_rows(int64_t n, int64_t rows, int64_t seq_len, int64_t vocab_size) {
  const at::Tensor place = at::arange(rows * (seq_len + 1), at::kLong);
  return (place * place * 5 + place * (3 + n % 7) + 11 * n).remainder(vocab_size).view({rows, seq_len + 1});
}

struct FakeBatches : BatchSource {
  int64_t micro_batch = 1, seq_len = 16, vocab_size = 61;
  int64_t handed_out = 0, done = 0, fails_at = -1, ends_at = -1;  // micro-batches
  std::vector<MixtureWeights> weights;                            // as set
  std::function<void()> on_weights = [] {}, on_next = [] {}, on_done = [] {};

  void set_weights(const MixtureWeights& now) override {
    weights.push_back(now);
    on_weights();
  }
  bool next(Batch& batch) override {
    if (handed_out == fails_at) throw Error(ErrorCode::data, "a bad batch");
    if (handed_out == ends_at) return false;
    const at::Tensor rows = fake_rows(handed_out++, micro_batch, seq_len, vocab_size);
    batch = {rows.narrow(1, 0, seq_len), rows.narrow(1, 1, seq_len)};
    on_next();
    return true;
  }
  void step_done() override {
    done = handed_out;
    on_done();
  }
  double epoch() const override { return 0.125 * static_cast<double>(done); }
};

struct FakeHooks : TrainHooks {
  std::vector<StepReport> reports;
  std::vector<StageChange> changes;
  std::vector<std::pair<int64_t, int64_t>> recoveries;  // step, tokens since the growth
  std::function<void(const TrainState&)> on_step = [](const TrainState&) {}, on_before_growth = on_step,
                                         on_after_growth = on_step, on_stage_ended = on_step, on_stage_began = on_step;
  std::function<bool()> stop = [] { return false; };

  void after_step(const TrainState& state, const StepReport& report) override {
    reports.push_back(report);
    on_step(state);
  }
  void before_growth(const TrainState& state) override { on_before_growth(state); }
  void after_growth(const TrainState& state, const GrowthEvent&) override { on_after_growth(state); }
  void stage_ended(const TrainState& state) override { on_stage_ended(state); }
  void stage_began(const TrainState& state, const StageChange& change) override {
    changes.push_back(change);
    on_stage_began(state);
  }
  void recovered(const TrainState& state, int64_t tokens) override { recoveries.emplace_back(state.step, tokens); }
  bool stop_requested() override { return stop(); }
};

// A run of 2 sequences of 16 tokens a step, in micro-batches of 1, unless a test says otherwise. The parts must outlive
// the trainers.
struct FakeRun {
  ModelSpec final_spec = tiny_llama(1);
  TrainingConfig training;
  OptimizerConfig optimizer;
  FakeSchedule lr{0.01}, growth{0.0}, mixture{1.0};
  FakeStrategy strategy{{1}};
  FakeBatches batches;
  FakeHooks hooks;
  StepSizes sizes;  // empty: full ones
  GrowthGuard guard;
  growth::Probe probe;

  explicit FakeRun(std::vector<int64_t> layers = {1}) : strategy(std::move(layers)) {
    final_spec.num_layers = strategy.layers.back();
    training.seq_len = final_spec.seq_len;
    training.micro_batch = 1;
    training.global_batch = 2;
    training.dtype = "fp32";
    const at::Tensor rows = fake_rows(1000, 2, final_spec.seq_len, final_spec.vocab_size);
    probe = {rows.narrow(1, 0, final_spec.seq_len), rows.narrow(1, 1, final_spec.seq_len)};
  }

  Decisions decisions(const TrainedSteps& past = {}) {
    Decisions out;
    out.strategy = &strategy;
    out.growth = &growth;
    out.growth_place = "run.toml:3:1";
    out.lr = &lr;
    out.mixture = &mixture;
    out.mixes_tiers = true;
    out.sizes = sizes.spans().empty() ? StepSizes(training, past) : sizes;
    return out;
  }
  Trainer trainer(int64_t steps, TrainState state) {
    TrainParts parts;
    parts.training = training;
    parts.optimizer = optimizer;
    parts.final_spec = final_spec;
    parts.decisions = decisions();
    parts.timeline =
        make_timeline(final_spec, training, steps, optimizer.lr, parts.decisions, state.step > 0 ? &state : nullptr);
    parts.batches = &batches;
    parts.hooks = &hooks;
    parts.probe = probe;
    parts.guard = guard;
    batches.micro_batch = training.micro_batch;
    batches.seq_len = training.seq_len;
    return {std::move(parts), std::move(state)};
  }
  // The first stage's model before its first step.
  TrainState fresh() {
    TrainState state;
    state.spec = strategy.stage_spec(final_spec, 0);
    state.params = init_params(state.spec, 1, 0.1, 1);
    return state;
  }
};

inline ParamTable copy_of(const ParamTable& params) {
  return params.transformed([](const Param& param) { return param.value.detach().clone(); });
}

inline bool same_bits(const ParamTable& a, const ParamTable& b) {
  return a.size() == b.size() && std::all_of(a.begin(), a.end(), [&](const Param& param) {
           const at::Tensor* other = b.find(param.info.name);
           return other != nullptr && at::equal(param.value, *other);
         });
}

inline bool same_bits(const OptimState& a, const OptimState& b) {
  return a.size() == b.size() && std::all_of(a.begin(), a.end(), [&](const auto& item) {
           const auto other = b.find(item.first);
           return other != b.end() && at::equal(item.second.exp_avg, other->second.exp_avg) &&
                  at::equal(item.second.exp_avg_sq, other->second.exp_avg_sq) && item.second.step == other->second.step;
         });
}

// All of it in memory of its own, as a checkpoint would bring it back: of an operator phase the leaves, not the plan.
inline TrainState copy_of(const TrainState& state) {
  TrainState out = state;
  out.params = copy_of(state.params);
  for (auto& [name, moments] : out.optim) moments = {moments.exp_avg.clone(), moments.exp_avg_sq.clone(), moments.step};
  if (out.operators) {
    out.operators->plan = {};
    out.operators->to = {};
    for (auto& [name, leaf] : out.operators->leaves) leaf = leaf.detach().clone();
    for (auto& [name, moments] : out.operators->optim)
      moments = {moments.exp_avg.clone(), moments.exp_avg_sq.clone(), moments.step};
  }
  return out;
}

}  // namespace espalier
