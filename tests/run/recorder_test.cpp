// When a run validates, saves and writes a row, told by what it is handed; no model is trained.
#include <cmath>

#include "catch.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/run/recorder.h"
#include "run/support.h"
#include "support/tiny_model.h"

using namespace espalier;
using Catch::Contains;

namespace {

struct Recorded {
  TempDir dir;
  std::vector<int64_t> saved, validated;
  double loss = 2;
  RecorderParts parts;
  Recorded() {
    parts.run_dir = dir.path();
    parts.metrics.tensorboard = false;
    parts.metrics.log_interval = 3;
    parts.total_steps = 10;
    parts.save = [this](const TrainState& state) { saved.push_back(state.step); };
    parts.validate = [this](const TrainState& state) {
      validated.push_back(state.step);
      return std::vector<SourceEvaluation>{{"a", {10, 20, 10 * loss}}, {"b", {30, 40, 60}}};
    };
    parts.data_fractions = [] { return std::map<std::string, double>{{"a", 0.25}}; };
    parts.data_wait_seconds = [] { return 0.0; };
  }
  void train(Recorder& recorder, int64_t steps) {
    TrainState state;
    state.spec = tiny_llama();
    for (; state.step < steps;) {
      state.step += 1;
      state.tokens += 128;
      StepReport report;
      report.loss = 1.5, report.grad_norm = 0.5, report.lr = 0.01;
      report.size = {4, 32, 128};
      report.targets = 128;
      report.data_weights.tiers = {1, 3};
      recorder.after_step(state, report);
    }
  }
  std::vector<nlohmann::json> rows() const {
    std::vector<nlohmann::json> out;
    std::string text = read_file(dir.path() / "metrics.jsonl", ErrorCode::data), line;
    for (const char c : text)
      if (c == '\n')
        out.push_back(own_json(line)), line.clear();
      else
        line += c;
    return out;
  }
};

}  // namespace

TEST_CASE("intervals hold, and the last step is left to what follows it", "[run][recorder]") {
  Recorded run;
  run.parts.validation_interval = 5;
  run.parts.checkpoint_interval = 4;
  Recorder recorder(run.parts);
  run.train(recorder, 10);
  CHECK(run.saved == std::vector<int64_t>{4, 8});
  CHECK(run.validated == std::vector<int64_t>{5});
  std::vector<int64_t> logged;
  for (const auto& row : run.rows())
    if (row.contains("train/loss")) logged.push_back(row["step"]);
  CHECK(logged == std::vector<int64_t>{1, 3, 6, 9, 10});
}

TEST_CASE("a row says what the step was", "[run][recorder]") {
  Recorded run;
  Recorder recorder(run.parts);
  run.train(recorder, 1);
  const auto row = run.rows().front();
  CHECK(row["step"] == 1);
  CHECK(row["tokens"] == 128);
  CHECK(row["train/loss"] == 1.5);
  CHECK(row["train/ppl"].get<double>() == Approx(std::exp(1.5)));
  CHECK(row["train/lr"] == 0.01);
  CHECK(row["train/sequences"] == 4);
  CHECK(row["data/difficulty_mean"] == 0.75);  // tiers 0 and 1 with weights 1 and 3
  CHECK(row["data/a/frac"] == 0.25);
}

TEST_CASE("validation weighs tokens, is done once a step, and refuses a loss that is no number", "[run][recorder]") {
  Recorded run;
  Recorder recorder(run.parts);
  TrainState state;
  state.spec = tiny_llama();
  state.step = 4;
  recorder.validate(state);
  recorder.validate(state);
  CHECK(run.validated == std::vector<int64_t>{4});
  const auto row = run.rows().front();
  CHECK(row["val/a/loss"] == 2);
  CHECK(row["val/b/loss"] == 2);
  CHECK(row["val/loss"] == 2);
  CHECK(row["val/bpb"].get<double>() == Approx(80 / std::log(2.0) / 60));
  state.step = 5;
  run.loss = std::nan("");
  CHECK_THROWS_WITH(recorder.validate(state), Contains("validation at step 5") && Contains("\"a\""));
}

TEST_CASE("around a growth it saves before or after, as the run says", "[run][recorder]") {
  Recorded run;
  run.parts.checkpoint_before_growth = GENERATE(true, false);
  run.parts.checkpoint_at_growth = !run.parts.checkpoint_before_growth;
  Recorder recorder(run.parts);
  TrainState state;
  state.spec = tiny_llama();
  state.step = 7;
  recorder.before_growth(state);
  CHECK(run.saved.size() == (run.parts.checkpoint_before_growth ? 1 : 0));
  GrowthEvent event;
  event.from = tiny_llama(1), event.to = tiny_llama(2);
  event.plan_hash = "0123456789abcdef";
  recorder.after_growth(state, event);
  CHECK(run.saved == std::vector<int64_t>{7});
}

TEST_CASE("a rank that is not the first writes no row", "[run][recorder]") {
  struct Second : CommBackend {
    int64_t rank() const override { return 1; }
    int64_t world_size() const override { return 2; }
    void all_reduce(at::Tensor&, Reduce) override {}
    at::Tensor reduce_scatter(const at::Tensor& tensor) override { return tensor; }
    at::Tensor all_gather(const at::Tensor& tensor) override { return tensor; }
    void broadcast(at::Tensor&, int64_t) override {}
    std::vector<std::string> all_gather(const std::string& bytes) override { return {bytes, bytes}; }
    void barrier() override {}
  };
  Recorded run;
  run.parts.comm = Comm(std::make_shared<Second>());
  Recorder recorder(run.parts);
  run.train(recorder, 3);
  CHECK(run.rows().empty());
}
