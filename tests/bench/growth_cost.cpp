// bench_growth: what freezing, bypassing, smaller stages, growth events and operator steps really cost, on a Llama of
// about 10M parameters. Every case takes turns with the whole model's step; figures are medians of paired ratios.
// Prints one JSON object a case: "ratio" is the time saved over the FLOPs saved (1 = all of it), or, where `case` says
// so, the case's time over that of a step of the large model.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <thread>

#include "core/growth/audit.h"
#include "core/model/flops.h"
#include "core/model/init.h"
#include "core/train/operator_phase.h"
#include "methods/method.h"

using namespace espalier;

namespace {

constexpr int kRounds = 15;
constexpr int64_t kBatch = 8;

ModelSpec model(int64_t num_layers, int64_t d_model = 320) {
  ModelSpec spec;
  spec.num_layers = num_layers;
  spec.d_model = d_model;
  spec.num_heads = spec.num_kv_heads = d_model / 40;
  spec.head_dim = 40;
  spec.d_ff = d_model * 8 / 3 / 8 * 8;
  spec.vocab_size = 512;
  spec.seq_len = 128;
  return spec;
}

struct Trained {
  explicit Trained(const ModelSpec& model_spec)
      : spec(model_spec), params(init_params(spec, 1, 0.02, spec.num_layers)) {
    require_grad(params);
  }
  void step(const StepShape& shape) {
    clear_grads(params);
    forward_loss(spec, params, tokens, targets, shape, ComputeType::fp32).backward();
    clip_grad_norm(params, 1.0);
    adamw_step({}, 3e-4, params, state);
  }
  ModelSpec spec;
  ParamTable params;
  OptimState state;
  at::Tensor tokens = at::randint(512, {kBatch, 128}, at::kLong), targets = at::randint(512, {kBatch, 128}, at::kLong);
};

double seconds_of(const std::function<void()>& body) {
  const auto begin = std::chrono::steady_clock::now();
  body();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

struct Ratios {
  double median, low, high;
};

// Time of `part` over that of `whole`, in turns.
Ratios paired(const std::function<void()>& part, const std::function<void()>& whole) {
  std::vector<double> ratios;
  part();
  whole();
  for (int round = 0; round < kRounds; ++round) {
    const double a = seconds_of(part);
    ratios.push_back(a / seconds_of(whole));
  }
  std::sort(ratios.begin(), ratios.end());
  return {ratios[kRounds / 2], ratios.front(), ratios.back()};
}

void report(const char* name, const char* unit, double ratio, double low, double high) {
  std::printf("{\"case\":\"%s\",\"peer\":\"%s\",\"ratio\":%.4f,\"ratio_min\":%.4f,\"ratio_max\":%.4f}\n", name, unit,
              ratio, low, high);
  std::fflush(stdout);
}

// Speed-up in time over speed-up in FLOPs.
void saving(const char* name, Trained& large, const StepShape& shape) {
  const StepShape all = StepShape::everything(large.spec.num_layers);
  const double flops = step_flops(large.spec, shape, 1) / step_flops(large.spec, all, 1);
  const Ratios time = paired([&] { large.step(shape); }, [&] { large.step(all); });
  report(name, "flop-gain", flops / time.median, flops / time.high, flops / time.low);
}

growth::Plan plan_of(const char* method, const test::Settings& settings, const ModelSpec& from, const ModelSpec& to) {
  return test::make_method(method, settings).strategy->plan(from, to);
}

}  // namespace

int main() {
  at::set_num_threads(static_cast<int>(std::thread::hardware_concurrency()));
  Trained large(model(8));
  const StepShape all = StepShape::everything(8);

  StepShape frozen = all;
  for (size_t layer = 0; layer < 4; ++layer) frozen.trainable[layer] = 0;
  frozen.trainable[8] = 0;  // the embedding; the tied head still trains
  saving("frozen-prefix-4-of-8", large, frozen);
  StepShape bypassed = all;
  bypassed.run = {1, 0, 1, 0, 0, 1, 0, 1};
  saving("bypassed-4-of-8", large, bypassed);
  StepShape narrow = all;
  narrow.head_gate.assign(8 * 8, 1);
  narrow.unit_gate.assign(static_cast<size_t>(8 * large.spec.d_ff), 1);
  for (size_t i = 0; i < narrow.head_gate.size(); ++i) narrow.head_gate[i] = i % 2 == 0 ? 1.0F : 0.0F;
  for (size_t i = 0; i < narrow.unit_gate.size(); ++i) narrow.unit_gate[i] = i % 2 == 0 ? 1.0F : 0.0F;
  saving("half-the-heads-and-units", large, narrow);

  Trained stage(model(4));
  const double flops = step_flops(stage.spec, StepShape::everything(4), 1) / step_flops(large.spec, all, 1);
  const Ratios depth = paired([&] { stage.step(StepShape::everything(4)); }, [&] { large.step(all); });
  report("stage-of-4-layers-of-8", "flop-gain", flops / depth.median, flops / depth.high, flops / depth.low);

  const growth::Plan stack = plan_of("stack", {{"block_size", 4}}, stage.spec, large.spec);
  const growth::Probe probe{large.tokens.narrow(0, 0, 4), large.targets.narrow(0, 0, 4)};
  const Ratios event = paired(
      [&] {
        growth::probe_gradients(stage.spec, stage.params, probe);
        const auto grown = growth::execute(stack, large.spec, stage.params, stage.state, 1, 0, "bench");
        growth::audit(stage.spec, stage.params, large.spec, grown.params, probe, {}, "bench");
        growth::probe_gradients(large.spec, grown.params, probe);
        growth::layer_similarity(large.spec, grown.params);
      },
      [&] { large.step(all); });
  report("growth-event-with-audit", "large-step", event.median, event.low, event.high);

  const Trained narrower(model(4, 200));
  growth::Plan ligo = plan_of("ligo",
                              {{"num_layers", std::vector<int64_t>{4}},
                               {"d_model", std::vector<int64_t>{200}},
                               {"num_heads", std::vector<int64_t>{5}},
                               {"num_kv_heads", std::vector<int64_t>{5}},
                               {"d_ff", std::vector<int64_t>{narrower.spec.d_ff}}},
                              narrower.spec, large.spec);
  OperatorPhase phase = begin_operator_phase(std::move(ligo), large.spec, 1, 0, narrower.params, 1, 0);
  const Ratios operators = paired(
      [&] {
        operator_gradients(phase, narrower.params, 1, 0, [&](const ParamTable& params) {
          forward_loss(large.spec, params, large.tokens, large.targets, all, ComputeType::fp32).backward();
          return true;
        });
        clip_operator_gradients(phase);
        update_operators(phase);
      },
      [&] { large.step(all); });
  report("ligo-operator-step", "large-step", operators.median, operators.low, operators.high);
}
