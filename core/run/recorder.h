// What a run leaves behind while it trains: progress lines, metrics, validation, checkpoints.
#pragma once

#include <chrono>
#include <functional>

#include "core/device/device.h"
#include "core/eval/evaluate.h"
#include "core/report/metrics.h"
#include "core/run/config.h"
#include "core/run/stage_gates.h"
#include "core/train/trainer.h"

namespace espalier {

struct RecorderParts {
  fs::path run_dir;
  MetricsConfig metrics;
  int64_t start_step = 0, start_stage = 0;  // 0, or where a resumed run continues
  double start_flops = 0;
  int64_t total_steps = 0, start_tokens = 0, validation_interval = 0, checkpoint_interval = 0;
  int64_t num_stages = 1;
  bool checkpoint_before_growth = false;
  bool checkpoint_at_growth = false;
  DeviceInfo device;
  Comm comm{};  // the first rank writes
  // Held-out loss of every source under the current weights; empty function = no validation.
  std::function<std::vector<SourceEvaluation>(const TrainState&)> validate;
  std::function<void(const TrainState&)> save;
  // Mixture as realised so far: "source/<name>" and "tier/<i>" -> fraction of the tokens; and the seconds waited for
  // data.
  std::function<std::map<std::string, double>()> data_fractions;
  std::function<double()> data_wait_seconds;
  StageGates* gates = nullptr;  // not owned; null: stages are not judged
};

class Recorder final : public TrainHooks {
 public:
  explicit Recorder(RecorderParts parts);

  void after_step(const TrainState& state, const StepReport& report) override;
  void before_growth(const TrainState& state) override;
  void recovered(const TrainState& state, int64_t tokens) override;
  void after_growth(const TrainState& state, const GrowthEvent& event) override;
  void stage_ended(const TrainState& state) override;
  void stage_began(const TrainState& state, const StageChange& change) override;
  bool stop_requested() override;

  // Validates now (if it has not been done at this step), logs and records; returns the evaluations.
  const std::vector<SourceEvaluation>& validate(const TrainState& state);

 private:
  using Clock = std::chrono::steady_clock;
  MetricsRow row(const TrainState& state) const;
  void write(MetricsRow row);
  void log_progress(const TrainState& state, const StepReport& report);

  RecorderParts parts_;
  MetricsWriter writer_;
  Clock::time_point start_, window_start_;
  int64_t window_step_, window_tokens_;
  double window_flops_, window_wait_ = 0;
  int64_t validated_step_ = -1;
  std::vector<SourceEvaluation> last_validation_;
};

}  // namespace espalier
