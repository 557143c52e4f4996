// How many sequences each step of the run has, and how long its rows are, where that changes over the run.
#pragma once

#include <string>
#include <vector>

#include "core/model/spec.h"
#include "core/model/step_shape.h"
#include "core/schedule/schedule.h"
#include "core/train/config.h"

namespace espalier {

// A step trains on `sequences` samples of [training].seq_len tokens, each cut into rows of seq_len tokens.
struct StepSize {
  int64_t sequences = 0, seq_len = 0, tokens = 0;
  friend bool operator==(const StepSize&, const StepSize&) = default;
};

class StepSizes;

// The steps that a run has behind it, as they were: what is settled from them holds whatever the settings are now.
struct TrainedSteps {
  struct Span {
    int64_t start = 0;  // the first step of this kind
    StepSize size;
    int64_t full_tokens = 0;  // of a step of the full batch, by the settings of the time
    friend bool operator==(const Span&, const Span&) = default;
  };
  int64_t steps = 0;
  std::vector<Span> spans;  // neighbours differ

  void add(const StepSize& size, int64_t full_tokens);
  // For a checkpoint that does not say what its steps held: `tokens` spread evenly over them.
  static TrainedSteps evenly(int64_t steps, int64_t tokens, const TrainingConfig& training);
  // The first `steps` of what was planned.
  static TrainedSteps as_planned(const StepSizes& sizes, int64_t steps, int64_t full_tokens);
  // Tokens of a full step, in the past as they were and from then on as they are now; for RunLength. Empty where they
  // never changed.
  std::vector<TokenRate> full_rates(int64_t full_tokens_now) const;
};

class StepSizes {
 public:
  struct Span {
    int64_t start = 0;  // the first step with this size
    StepSize size;
    int64_t tokens_before = 0;  // of all steps before it
  };

  StepSizes() = default;  // of no run
  // The full batch and full rows at every step to come.
  explicit StepSizes(const TrainingConfig& training, const TrainedSteps& past = {});

  // From `step` on; steps rise from call to call, the first is 0. Nothing changes where this is the size before, too.
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

// Asks the schedules for every step to come. `start` has the totals. Throws Error(config) at the schedule's place for a
// number of sequences that is not a multiple of micro_batch or above global_batch, and rows that do not divide seq_len.
StepSizes plan_step_sizes(const TrainingConfig& training, const SizeSchedule& batch, const SizeSchedule& seq_len,
                          Progress start, const TrainedSteps& past = {});

// The same model on rows of another length, for counting FLOPs.
ModelSpec at_context(ModelSpec spec, int64_t seq_len);
// FLOPs of the steps from `begin` to before `end`, all of one shape.
double flops_of_steps(const StepSizes& sizes, const ModelSpec& spec, const StepShape& shape, int64_t begin,
                      int64_t end);

// One line a change, of many changes some; empty where nothing changes.
std::string format_step_sizes(const StepSizes& sizes);

}  // namespace espalier
