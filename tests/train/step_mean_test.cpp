// A step's loss and gradients are sums over its targets that count, divided once: padding and the cut into
// micro-batches change nothing.
#include <ATen/ATen.h>

#include <cmath>

#include "catch.h"
#include "core/model/init.h"
#include "support/fake_run.h"

using namespace espalier;

namespace {

constexpr int64_t kRows = 8;

// Rows with very different numbers of targets that count; row 5 has none.
struct Rows {
  at::Tensor tokens, targets;
  std::vector<int64_t> real{16, 1, 2, 16, 3, 0, 9, 16};

  explicit Rows(const ModelSpec& spec) {
    tokens = at::arange(kRows * spec.seq_len, at::kLong);
    tokens = (tokens * tokens + 3 * tokens).remainder(spec.vocab_size).view({kRows, spec.seq_len});
    targets = tokens.roll(-1, 1).clone();
    for (int64_t row = 0; row < kRows; ++row) {
      const int64_t count = real[static_cast<size_t>(row)];
      targets[row].narrow(0, count, spec.seq_len - count).fill_(kIgnoredTarget);
    }
  }
  int64_t counted() const {
    int64_t sum = 0;
    for (const int64_t count : real) sum += count;
    return sum;
  }
};

class RowSource final : public BatchSource {
 public:
  RowSource(const Rows& rows, int64_t micro_batch) : rows_(rows), micro_batch_(micro_batch) {}
  void set_weights(const MixtureWeights&) override {}
  bool next(Batch& batch) override {
    const int64_t first = at_ % kRows;
    batch = {rows_.tokens.narrow(0, first, micro_batch_), rows_.targets.narrow(0, first, micro_batch_)};
    batch.ignored = batch.targets.eq(kIgnoredTarget).sum().item<int64_t>();
    batch.layout.padded = batch.ignored > 0;
    at_ += micro_batch_;
    return true;
  }
  void step_done() override {}
  double epoch() const override { return 0; }

 private:
  const Rows& rows_;
  int64_t micro_batch_, at_ = 0;
};

struct Result {
  std::vector<StepReport> reports;
  std::vector<double> seen;  // by schedules
  TrainState state;
};

Result train(const Rows& rows, int64_t micro_batch, int64_t steps = 1, int64_t global_batch = kRows) {
  const ModelSpec spec = tiny_llama(2);
  RowSource source(rows, micro_batch);
  std::vector<double> seen;
  FakeSchedule lr{1e-3};
  lr.seen = [&](const Progress&, const auto& metrics) { seen.push_back(metrics.at("train/loss")); };
  FakeHooks noted;
  TrainParts parts;
  parts.training.micro_batch = micro_batch;
  parts.training.global_batch = global_batch;
  parts.training.seq_len = spec.seq_len;
  parts.training.dtype = "fp32";
  parts.training.max_norm = 0;
  parts.final_spec = spec;
  parts.decisions.lr = &lr;
  parts.decisions.sizes = StepSizes(parts.training);
  parts.timeline.total_steps = steps;
  parts.timeline.stages.push_back({});
  parts.timeline.stages[0].steps = steps;
  parts.timeline.stages[0].spec = spec;
  parts.batches = &source;
  parts.hooks = &noted;
  parts.probe = {rows.tokens.narrow(0, 0, 1), rows.tokens.narrow(0, 0, 1)};
  TrainState state;
  state.spec = spec;
  state.params = init_params(spec, 1, 0.2, 2);
  Trainer trainer(std::move(parts), std::move(state));
  trainer.run();
  return {noted.reports, seen, trainer.state()};
}

// The loss over all targets that count, and the norm of its gradient, computed as one batch by its definition.
std::pair<double, double> by_definition(const Rows& rows) {
  const ModelSpec spec = tiny_llama(2);
  const ParamTable params = init_params(spec, 1, 0.2, 2);
  require_grad(params);
  const at::Tensor logits =
      forward_logits(spec, params, rows.tokens, StepShape::everything(2), ComputeType::fp32).flatten(0, 1);
  const at::Tensor each =
      at::cross_entropy_loss(logits, rows.targets.flatten(), {}, at::Reduction::None, kIgnoredTarget);
  const at::Tensor loss = each.sum() / static_cast<double>(rows.counted());
  loss.backward();
  double squares = 0;
  for (const auto& param : params) squares += param.value.grad().square().sum(at::kDouble).item<double>();
  return {loss.item<double>(), std::sqrt(squares)};
}

}  // namespace

TEST_CASE("the size of a micro-batch changes neither loss nor gradients, whatever the padding", "[train][mean]") {
  const Rows rows(tiny_llama(2));
  const auto [loss, norm] = by_definition(rows);
  const Result whole = train(rows, kRows);
  for (const int64_t micro_batch : {int64_t{1}, int64_t{2}, int64_t{4}, kRows}) {
    const Result result = train(rows, micro_batch);
    INFO("micro_batch " << micro_batch);
    CHECK(result.reports[0].loss == Approx(loss).epsilon(1e-6));
    CHECK(result.reports[0].grad_norm == Approx(norm).epsilon(1e-5));
    CHECK(result.reports[0].targets == rows.counted());
    // After one step the first moment is the gradient but for a factor.
    for (const auto& [name, moments] : whole.state.optim)
      CHECK(at::allclose(result.state.optim.at(name).exp_avg, moments.exp_avg, 1e-4, 1e-7));
  }
}

TEST_CASE("a step of padding alone is no loss of 0: nothing is updated and nobody is shown a loss", "[train][mean]") {
  Rows rows(tiny_llama(2));
  rows.real.assign(kRows, 0);
  rows.targets.fill_(kIgnoredTarget);
  const Result result = train(rows, 4);
  CHECK(std::isnan(result.reports[0].loss));
  CHECK(result.reports[0].targets == 0);
  CHECK(result.seen.empty());
  CHECK(result.state.step == 1);
  CHECK(result.state.tokens == kRows * 16);
  CHECK(result.state.optim.empty());
  const ParamTable untouched = init_params(tiny_llama(2), 1, 0.2, 2);
  for (const auto& param : result.state.params) CHECK(param.value.equal(untouched.at(param.info.name)));
}

TEST_CASE("a step of padding alone between others leaves them as they are", "[train][mean]") {
  const Rows rows(tiny_llama(2));
  const Result result = train(rows, 1, kRows, 1);  // one row a step; row 5 has no target
  for (size_t step = 0; step < result.reports.size(); ++step)
    CHECK(std::isfinite(result.reports[step].loss) == (step != 5));
  CHECK(result.seen.size() == kRows - 1);
  CHECK(result.state.optim.at("embed.weight").step == kRows - 1);
}
