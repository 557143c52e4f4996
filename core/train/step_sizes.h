// How many sequences each step of the run has, and how long its rows are, where that changes over the run.
#pragma once

#include <string>
#include <vector>

#include "core/model/spec.h"
#include "core/model/step_shape.h"
#include "core/train/config.h"
#include "core/train/schedule.h"

namespace espalier {

// A step trains on `sequences` samples of [training].seq_len tokens, each cut into rows of seq_len tokens.
struct StepSize {
  int64_t sequences = 0, seq_len = 0, tokens = 0;
  friend bool operator==(const StepSize&, const StepSize&) = default;
};

class StepSizes {
 public:
  struct Span {
    int64_t start = 0;  // the first step with this size
    StepSize size;
    int64_t tokens_before = 0;  // of all steps before it
  };

  StepSizes() = default;  // of no run
  // The full batch and full rows at every step.
  explicit StepSizes(const TrainingConfig& training);

  // From `step` on; steps rise from call to call, the first is 0.
  void append(int64_t step, const StepSize& size);
  const StepSize& at(int64_t step) const { return span_of(step).size; }
  int64_t tokens_before(int64_t step) const;
  const std::vector<Span>& spans() const { return spans_; }
  // For RunLength; empty where the tokens of a step never change.
  std::vector<TokenRate> rates() const;

 private:
  const Span& span_of(int64_t step) const;

  std::vector<Span> spans_;
};

// A size schedule and where it was chosen; null: full size.
struct SizeSchedule {
  Schedule* schedule = nullptr;
  std::string place;
};

// Asks the schedules for every step. `start` has the totals. Throws Error(config) at the schedule's place for a number
// of sequences that is not a multiple of micro_batch or above global_batch, and rows that do not divide seq_len.
StepSizes plan_step_sizes(const TrainingConfig& training, const SizeSchedule& batch, const SizeSchedule& seq_len,
                          Progress start);

// The same model on rows of another length, for counting FLOPs.
ModelSpec at_context(ModelSpec spec, int64_t seq_len);
// FLOPs of the steps from `begin` to before `end`, all of one shape.
double flops_of_steps(const StepSizes& sizes, const ModelSpec& spec, const StepShape& shape, int64_t begin,
                      int64_t end);

// One line a change, of many changes some; empty where nothing changes.
std::string format_step_sizes(const StepSizes& sizes);

}  // namespace espalier
