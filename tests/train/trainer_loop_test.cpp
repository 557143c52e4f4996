// A whole run against the same run in plain loops: every row of a step at once, AdamW as its paper has it, in fp64.
#include <ATen/ATen.h>

#include <cmath>
#include <map>

#include "catch.h"
#include "support/fake_run.h"

using namespace espalier;

namespace {

struct PlainStep {
  double loss = 0, grad_norm = 0, lr = 0, flops = 0;
  int64_t targets = 0;
};

// Loshchilov & Hutter 2019, algorithm 2, on one parameter.
struct PlainAdamW {
  at::Tensor m, v;
  int step = 0;

  at::Tensor update(const OptimizerConfig& config, double lr, bool decays, const at::Tensor& weight,
                    const at::Tensor& grad) {
    if (step++ == 0) m = at::zeros_like(grad), v = at::zeros_like(grad);
    m = config.beta1 * m + (1 - config.beta1) * grad;
    v = config.beta2 * v + (1 - config.beta2) * grad * grad;
    const at::Tensor m_hat = m / (1 - std::pow(config.beta1, step)), v_hat = v / (1 - std::pow(config.beta2, step));
    return weight - lr * (m_hat / (v_hat.sqrt() + config.eps) + (decays ? config.weight_decay : 0) * weight);
  }
};

// FLOPs of a step by the matrices' sizes: 2 a weight and token, and 2 T a channel of queries for scores and as many for
// weighted values; the backward pass takes twice that. Written down for tiny_llama.
double plain_flops(const ModelSpec& spec, int64_t seq_len, int64_t tokens) {
  const double layer_weights = 32 * 32 * 2 + 32 * 16 * 2 + 3 * 32 * 48, attention = 2 * 2.0 * 32;
  const auto layers = static_cast<double>(spec.num_layers);
  return 3 * static_cast<double>(tokens) *
         (layers * (2 * layer_weights + attention * static_cast<double>(seq_len)) + 2 * 32 * 61);
}

struct Plain {
  std::vector<PlainStep> steps;
  std::map<std::string, at::Tensor> weights;  // fp64
};

Plain train_plainly(FakeRun& run, int64_t steps, const std::function<double(int64_t)>& lr_of) {
  Plain out;
  const TrainState start = run.fresh();
  for (const auto& param : start.params) out.weights[param.info.name] = param.value.to(at::kDouble);
  std::map<std::string, PlainAdamW> adam;
  int64_t micro_batches = 0;
  for (int64_t step = 0; step < steps; ++step) {
    const StepSize size = run.decisions().sizes.at(step);
    std::vector<at::Tensor> tokens, targets;
    for (int64_t n = 0; n < size.sequences / run.training.micro_batch; ++n) {
      const at::Tensor rows = fake_rows(micro_batches++, run.training.micro_batch, run.training.seq_len, 61);
      for (int64_t at = 0; at < run.training.seq_len; at += size.seq_len) {
        tokens.push_back(rows.narrow(1, at, size.seq_len));
        targets.push_back(rows.narrow(1, at + 1, size.seq_len));
      }
    }
    const ParamTable params(start.spec, [&](const ParamInfo& info) { return out.weights.at(info.name).clone(); });
    require_grad(params);
    const at::Tensor logits = forward_logits(start.spec, params, at::cat(tokens),
                                             StepShape::everything(start.spec.num_layers), ComputeType::fp64);
    const at::Tensor loss = -at::log_softmax(logits, -1).gather(-1, at::cat(targets).unsqueeze(-1)).mean();
    loss.backward();
    PlainStep now;
    now.loss = loss.item<double>();
    now.lr = lr_of(step);
    now.targets = size.sequences * run.training.seq_len;
    now.flops = plain_flops(start.spec, size.seq_len, now.targets);
    for (const auto& param : params) now.grad_norm += param.value.grad().square().sum().item<double>();
    now.grad_norm = std::sqrt(now.grad_norm);
    const double max = run.training.max_norm, factor = max > 0 && now.grad_norm > max ? max / now.grad_norm : 1;
    for (const auto& param : params)
      out.weights[param.info.name] = adam[param.info.name].update(run.optimizer, now.lr, param.info.shape.size() > 1,
                                                                  param.value.detach(), param.value.grad() * factor);
    out.steps.push_back(now);
  }
  return out;
}

// Trains both ways; what a run reports and what it leaves must be the same but for the rounding of fp32.
void compare(FakeRun& run, int64_t steps) {
  const auto lr_of = [](int64_t step) { return 0.02 * (step % 3 == 2 ? 0.1 : 1.0 / static_cast<double>(1 + step)); };
  run.lr.one = [&](const Progress& p) { return lr_of(p.step); };
  run.optimizer.eps = 1e-4;  // else a gradient that is nearly 0 in fp32 moves its weight by the whole learning rate
  const Plain plain = train_plainly(run, steps, lr_of);
  double flops = 0;
  int64_t tokens = 0;
  std::vector<std::pair<int64_t, double>> counted;
  run.hooks.on_step = [&](const TrainState& s) { counted.emplace_back(s.tokens, s.flops); };
  Trainer trainer = run.trainer(steps, run.fresh());
  REQUIRE(trainer.run() == StopReason::finished);
  REQUIRE(run.hooks.reports.size() == plain.steps.size());
  for (size_t step = 0; step < plain.steps.size(); ++step) {
    INFO("step " << step);
    const StepReport& report = run.hooks.reports[step];
    const PlainStep& expected = plain.steps[step];
    CHECK(report.loss == Approx(expected.loss).epsilon(1e-5));
    CHECK(report.grad_norm == Approx(expected.grad_norm).epsilon(1e-4));
    CHECK(report.lr == expected.lr);
    CHECK(report.targets == expected.targets);
    CHECK(report.size.tokens == expected.targets);
    tokens += expected.targets;
    flops += expected.flops;
    CHECK(counted[step].first == tokens);
    CHECK(counted[step].second == Approx(flops).epsilon(1e-12));
  }
  double furthest = 0, moved = 0;
  const ParamTable start = run.fresh().params;
  for (const auto& param : trainer.state().params) {
    furthest = std::max(furthest, (param.value - plain.weights.at(param.info.name)).abs().max().item<double>());
    moved = std::max(moved, (param.value - start.at(param.info.name)).abs().max().item<double>());
  }
  INFO("weights apart by " << furthest << ", moved by " << moved);
  CHECK(moved > 0.01);
  CHECK(furthest < 2e-5);
  CHECK(trainer.state().lr_previous == lr_of(steps - 1));
  CHECK(trainer.state().trained.steps == steps);
}

}  // namespace

TEST_CASE("a run is the run in plain loops, however its steps are cut into micro-batches", "[train][loop]") {
  for (const auto& [micro_batch, global_batch] : {std::pair{4, 0}, {1, 4}, {2, 4}}) {
    INFO("micro_batch " << micro_batch << " of " << global_batch);
    FakeRun run({2});
    run.training.micro_batch = micro_batch;
    run.training.global_batch = global_batch;
    run.training.max_norm = 0;
    compare(run, 6);
  }
}

TEST_CASE("gradients are clipped to their norm over all parameters", "[train][loop]") {
  FakeRun run({2});
  run.training.max_norm = 0.5;
  compare(run, 6);
  CHECK(run.hooks.reports[0].grad_norm > 0.5);  // the norm before it
}

TEST_CASE("batch and row length reach the steps that they are planned for", "[train][loop]") {
  FakeRun run({2});
  run.training.global_batch = 4;
  FakeSchedule batch([](const Progress& p) { return p.step < 2 ? 1 : p.step < 5 ? 3 : 4; });
  FakeSchedule seq_len([](const Progress& p) { return p.step < 1 ? 4 : p.step < 4 ? 8 : 16; });
  Progress start;
  start.total_steps = 8;
  run.sizes = plan_step_sizes(run.training, {&batch, ""}, {&seq_len, ""}, start);
  compare(run, 8);
  CHECK(run.batches.handed_out == 2 * 1 + 3 * 3 + 3 * 4);
}

TEST_CASE("the mixture of a step is in force before its first batch", "[train][loop]") {
  FakeRun run;
  run.mixture.many = [](const Progress& p) { return std::vector<double>{1.0 + static_cast<double>(p.step), 2.0}; };
  std::vector<size_t> set_before;  // for each micro-batch: how often weights had been set
  run.batches.on_next = [&] { set_before.push_back(run.batches.weights.size()); };
  Decisions decisions = run.decisions();
  decisions.num_tiers = 2;
  TrainParts parts;
  parts.training = run.training;
  parts.final_spec = run.final_spec;
  parts.decisions = decisions;
  parts.timeline = make_timeline(run.final_spec, run.training, 4, 1, decisions);
  parts.batches = &run.batches;
  parts.hooks = &run.hooks;
  parts.probe = run.probe;
  Trainer trainer(std::move(parts), run.fresh());
  trainer.run();
  CHECK(set_before == std::vector<size_t>{1, 1, 2, 2, 3, 3, 4, 4});
  for (size_t step = 0; step < 4; ++step) {
    const MixtureWeights expected{{}, {1.0 + static_cast<double>(step), 2.0}};
    CHECK(run.batches.weights[step] == expected);
    CHECK(run.hooks.reports[step].data_weights == expected);
  }
}
