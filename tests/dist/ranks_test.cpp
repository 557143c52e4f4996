// Training on several ranks is training on one: the same batches, shared out, give the same model.
#include <ATen/ATen.h>

#include <mutex>

#include "catch.h"
#include "core/base/error.h"
#include "support/fake_run.h"
#include "support/thread_world.h"

using namespace espalier;
using Catch::Contains;

namespace {

constexpr int64_t kSeqLen = 16, kMicroBatch = 2, kGlobalBatch = 8, kSteps = 5;

// Micro-batches numbered through the run and dealt out in turn. With `padding`, half of the second one's targets count
// for nothing and the third is padding alone, so that a rank may come to a step without a gradient.
class Dealt : public BatchSource {
 public:
  Dealt(const Comm& comm, bool padding) : comm_(comm), padding_(padding) {}
  void set_weights(const MixtureWeights&) override {}
  bool next(Batch& batch) override {
    const int64_t number = next_++ * comm_.world_size() + comm_.rank(), in_step = number % (kGlobalBatch / kMicroBatch);
    const at::Tensor rows = (at::arange(kMicroBatch * (kSeqLen + 1), at::kLong) * (3 + number % 7) + number)
                                .remainder(61)
                                .reshape({kMicroBatch, kSeqLen + 1});
    batch = {rows.narrow(1, 0, kSeqLen), rows.narrow(1, 1, kSeqLen).clone()};
    const int64_t ignored = !padding_ ? 0 : in_step == 1 ? 8 : in_step == 2 ? kSeqLen : 0;
    if (ignored > 0) {
      batch.targets.narrow(1, kSeqLen - ignored, ignored).fill_(kIgnoredTarget);
      batch.layout.padded = true;
      batch.ignored = kMicroBatch * ignored;
    }
    return true;
  }
  void step_done() override {}
  double epoch() const override { return 0; }

 private:
  Comm comm_;
  bool padding_;
  int64_t next_ = 0;
};

struct Outcome {
  ParamTable params;
  std::vector<StepReport> reports;
  StopReason reason = StopReason::finished;
};

struct Case {
  bool padding = false;
  int64_t stops_on = -1;                                             // the rank that gets a signal
  std::function<double(int64_t)> lr = [](int64_t) { return 0.01; };  // of a rank
  int64_t global_batch = kGlobalBatch;
};

Outcome train(const Comm& comm, const Case& settings) {
  const ModelSpec spec = tiny_llama();
  FakeSchedule lr(settings.lr(comm.rank()));
  Dealt batches(comm, settings.padding);
  FakeHooks hooks;
  hooks.stop = [&] { return comm.rank() == settings.stops_on && hooks.reports.size() == 2; };
  TrainParts parts;
  parts.training.seq_len = kSeqLen;
  parts.training.micro_batch = kMicroBatch;
  parts.training.global_batch = settings.global_batch;
  parts.training.dtype = "fp32";
  parts.final_spec = spec;
  parts.decisions.lr = &lr;
  parts.decisions.sizes = StepSizes(parts.training);
  parts.timeline = make_timeline(spec, parts.training, kSteps, 1, parts.decisions);
  parts.batches = &batches;
  parts.hooks = &hooks;
  parts.probe = {at::zeros({1, kSeqLen}, at::kLong), at::zeros({1, kSeqLen}, at::kLong)};
  parts.comm = comm;
  TrainState state;
  state.spec = spec;
  state.params = init_params(spec, 1, 0.1, spec.num_layers);
  Trainer trainer(std::move(parts), std::move(state));
  Outcome out;
  out.reason = trainer.run();
  out.params = trainer.state().params;
  out.reports = hooks.reports;
  return out;
}

std::vector<Outcome> train_on(int64_t world_size, const Case& settings) {
  std::vector<Outcome> out(static_cast<size_t>(world_size));
  run_ranks(world_size, [&](const Comm& comm) { out[static_cast<size_t>(comm.rank())] = train(comm, settings); });
  return out;
}

double largest_difference(const ParamTable& a, const ParamTable& b) {
  double most = 0;
  for (const auto& param : a) most = std::max(most, (param.value - b.at(param.info.name)).abs().max().item<double>());
  return most;
}

}  // namespace

TEST_CASE("two and four ranks train the model that one trains", "[dist][train]") {
  for (const bool padding : {false, true}) {
    INFO("padding " << padding);
    const Outcome alone = train({}, {padding});
    const ParamTable first = init_params(tiny_llama(), 1, 0.1, 2);
    REQUIRE(largest_difference(alone.params, first) > 0.01);  // it has learned
    for (const int64_t world : {2, 4}) {
      INFO(world << " ranks");
      const std::vector<Outcome> ranks = train_on(world, {padding});
      // Gradients are added in another order; Adam divides by their root, which makes more of that.
      CHECK(largest_difference(ranks.front().params, alone.params) < 2e-5);
      for (size_t step = 0; step < alone.reports.size(); ++step) {
        CHECK(ranks.front().reports[step].loss == Approx(alone.reports[step].loss).epsilon(1e-5));
        CHECK(ranks.front().reports[step].grad_norm == Approx(alone.reports[step].grad_norm).epsilon(1e-4));
        CHECK(ranks.front().reports[step].targets == alone.reports[step].targets);
      }
      for (const Outcome& rank : ranks) {
        CHECK(largest_difference(rank.params, ranks.front().params) == 0);
        CHECK(rank.reports.back().loss == ranks.front().reports.back().loss);
      }
    }
  }
}

TEST_CASE("a signal on one rank stops all after the same step", "[dist][train]") {
  Case settings;
  settings.stops_on = 1;
  for (const Outcome& rank : train_on(2, settings)) {
    CHECK(rank.reason == StopReason::signal);
    CHECK(rank.reports.size() == 2);
  }
}

TEST_CASE("a rank that decides otherwise is named before anything is updated", "[dist][train]") {
  Case settings;
  settings.lr = [](int64_t rank) { return rank == 1 ? 0.02 : 0.01; };
  CHECK_THROWS_WITH(train_on(2, settings), Contains("rank 1 and rank 0 disagree on the step"));
}

TEST_CASE("a batch that the ranks cannot share is refused by its key", "[dist][train]") {
  Case settings;
  settings.global_batch = 6;
  CHECK_THROWS_WITH(train_on(2, settings), Contains("cannot be shared by 2 ranks"));
}
