// bench_overhead CONFIG [KEY=VALUE ...]: what the host adds to a step. In turn, blocks of steps of (a) the whole host:
// loader, plugins, trainer, recorder; (b) a bare loop on the same model and batch shape: forward, backward, clip,
// AdamW. Prints one line of JSON with the median step times and their ratio, paired block by block.
#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "core/base/json.h"
#include "core/device/device.h"
#include "core/model/init.h"
#include "core/run/batches.h"
#include "core/run/plan.h"
#include "core/run/recorder.h"
#include "support/temp_dir.h"

using namespace espalier;

namespace {

constexpr int64_t kBlockSteps = 8;
constexpr int kBlocks = 10;

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// Records like a run does, and stops the trainer after every block.
class BlockHooks final : public TrainHooks {
 public:
  explicit BlockHooks(Recorder& recorder) : recorder_(recorder) {}
  void after_step(const TrainState& state, const StepReport& report) override {
    recorder_.after_step(state, report);
    stop_ = state.step % kBlockSteps == 0;
  }
  void before_growth(const TrainState&) override {}
  void after_growth(const TrainState&, const GrowthEvent&) override {}
  void stage_ended(const TrainState&) override {}
  void stage_began(const TrainState&, const StageChange&) override {}
  void recovered(const TrainState&, int64_t) override {}
  bool stop_requested() override { return std::exchange(stop_, false); }

 private:
  Recorder& recorder_;
  bool stop_ = false;
};

int bench(const std::string& path, std::vector<std::string> sets) {
  sets.insert(sets.begin(),
              {"growth.plugin=\"\"", "schedule.growth.plugin=\"\"", "growth.params={}", "schedule.growth.params={}",
               "training.steps=" + std::to_string(kBlockSteps * (kBlocks + 1))});
  const TempDir dir;
  RunConfig config = load_run_config(path, sets);
  const DeviceInfo device = open_device("cpu", config.training.threads);
  TrainingConfig& training = config.training;
  if (training.dtype == "auto") training.dtype = device.fast_bf16 ? "bf16" : "fp32";
  const PluginHost plugins = open_plugins(config, {});
  const RunData data = make_data(config, plugins);
  const ModelSpec spec = final_spec_of(config, data.tokenizer->vocab_size());
  TokenStream samples = make_stream(config, data, Comm());
  const RunSteps steps = make_steps(config, plugins, spec, samples.tokens_per_epoch());
  const RunShape fixed = make_shape(config, plugins, spec, steps.length);
  const RunPlan plan = make_plan(config, plugins, steps, fixed);
  const auto compute = training.dtype == "bf16" ? ComputeType::bf16 : ComputeType::fp32;
  DataLoader loader(std::move(samples), training.micro_batch, config.data.prefetch);
  LoaderBatches batches(loader, *data.prepared, device.device);
  RecorderParts parts;
  parts.run_dir = dir.path();
  parts.metrics = config.metrics;
  parts.total_steps = steps.total_steps();
  parts.device = device;
  parts.data_fractions = [&] { return batches.take_fractions(); };
  parts.data_wait_seconds = [&] { return batches.wait_seconds(); };
  Recorder recorder(std::move(parts));
  BlockHooks hooks(recorder);

  const at::Tensor stream = at::randint(spec.vocab_size, {training.micro_batch, training.seq_len + 1}, at::kLong);
  const at::Tensor tokens = stream.narrow(1, 0, training.seq_len), targets = stream.narrow(1, 1, training.seq_len);
  const auto fresh = [&] { return init_params(spec, 1, 0.02, spec.num_layers); };
  TrainState state;
  state.spec = spec;
  state.params = fresh();
  Trainer host(
      {training, config.optimizer, 1, spec, plan.timeline, plan.decisions, &batches, &hooks, {tokens, targets}, {}, {}},
      std::move(state));

  const ParamTable params = fresh();
  require_grad(params);
  OptimState optim;
  const StepShape shape = StepShape::everything(spec.num_layers);
  const auto bare = [&] {
    for (int64_t step = 0; step < kBlockSteps; ++step) {
      clear_grads(params);
      forward_loss(spec, params, tokens, targets, shape, compute).backward();
      clip_grad_norm(params, training.max_norm);
      adamw_step(config.optimizer, 1e-4, params, optim);
    }
  };
  host.run();  // warm up both
  bare();
  std::vector<double> host_ms, bare_ms, ratios;
  for (int block = 0; block < kBlocks; ++block) {
    const double a = seconds_of([&] { host.run(); }), b = seconds_of(bare);
    host_ms.push_back(1000 * a / kBlockSteps);
    bare_ms.push_back(1000 * b / kBlockSteps);
    ratios.push_back(a / b);
  }
  std::printf("%s\n", nlohmann::json{{"case", "host-overhead-" + training.dtype},
                                     {"peer", "bare-libtorch-loop"},
                                     {"host_ms", median(host_ms)},
                                     {"bare_ms", median(bare_ms)},
                                     {"overhead_pct", 100 * (median(ratios) - 1)},
                                     {"ratio", 1 / median(ratios)},
                                     {"ratio_min", 1 / *std::max_element(ratios.begin(), ratios.end())},
                                     {"ratio_max", 1 / *std::min_element(ratios.begin(), ratios.end())}}
                          .dump()
                          .c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return argc < 2 ? 2 : bench(argv[1], {argv + 2, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
