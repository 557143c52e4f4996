// The training loop. Parts are built elsewhere and handed in; the trainer only runs them, in the order one can read.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/dist/comm.h"
#include "core/optim/adamw.h"
#include "core/train/state.h"
#include "core/train/timeline.h"

namespace espalier {

// One micro-batch of this rank on the training device: int64 [micro_batch, seq_len].
struct Batch {
  at::Tensor tokens, targets;
  RowLayout layout{};   // documents and padding
  int64_t ignored = 0;  // targets that are kIgnoredTarget; known without asking the device
};

// Cuts each row into rows of `seq_len` tokens, which divides its length: [B, T] to [B * T / seq_len, seq_len], the same
// tokens in the same order, each with its own target.
Batch cut_rows(const Batch& batch, int64_t seq_len);

// Where micro-batches come from; the data layer's loader stands behind it.
class BatchSource {
 public:
  virtual ~BatchSource() = default;
  // Mixture of the steps from now on; called before the first batch of each step.
  virtual void set_weights(const MixtureWeights& weights) = 0;
  // False when every source is exhausted (policy "stop"), on all ranks at once: the run ends.
  virtual bool next(Batch& batch) = 0;
  // What was handed out so far has been trained on: a checkpoint goes on after it.
  virtual void step_done() = 0;
  virtual double epoch() const = 0;
};

struct StepReport {
  double loss = 0, grad_norm = 0, lr = 0;  // loss: NaN where nothing counts
  StepSize size;
  int64_t targets = 0;  // that count; 0: the step held padding alone and nothing was updated
  MixtureWeights data_weights;
};

// A stage began that changes no shape of the model: sub-networks, freezing or data do. Where sub-networks change, the
// losses are those of one probe batch under the current weights, before: averaged over the sub-networks of the last
// steps, after: over those of the next ones. Panigrahi et al. 2024 (RaPTr) bound this gap.
struct StageChange {
  int64_t step = 0, stage = 0;
  int64_t draws = 0;  // sub-networks averaged on each side; 0: the strategy has none
  double loss_before = 0, loss_after = 0;
};

// What the loop tells the outside: metrics, validation, checkpoints. All calls come from the training thread.
class TrainHooks {
 public:
  virtual ~TrainHooks() = default;
  virtual void after_step(const TrainState& state, const StepReport& report) = 0;
  virtual void before_growth(const TrainState& state) = 0;  // not while an operator phase is under way
  virtual void after_growth(const TrainState& state, const GrowthEvent& event) = 0;
  // Once a stage has trained its last step, before what begins the next; and at the end of the run.
  virtual void stage_ended(const TrainState& state) = 0;
  virtual void stage_began(const TrainState& state, const StageChange& change) = 0;
  virtual void recovered(const TrainState& state, int64_t tokens) = 0;  // the loss is where it was before the growth
  virtual bool stop_requested() = 0;                                    // SIGTERM, SIGINT, on this rank
};

enum class StopReason { finished, signal, out_of_data, ran_away };

// [growth].guard_bound and guard_after
struct GrowthGuard {
  double bound = 0;   // nats; 0 = off
  int64_t after = 0;  // steps
};

struct TrainParts {
  TrainingConfig training;
  OptimizerConfig optimizer;
  uint64_t seed = 0;
  ModelSpec final_spec;
  Timeline timeline;
  Decisions decisions;
  BatchSource* batches = nullptr;
  TrainHooks* hooks = nullptr;
  growth::Probe probe;  // audits growth
  GrowthGuard guard;
  PluginRecord growth_plugin;  // for errors and lineage
  Comm comm{};                 // the other ranks; alone by default
};

// A checkpoint keeps the leaves of a growth operator that is being learned but not its plan, which the strategy makes
// again here: it must be the same one. Throws Error(checkpoint). The trainer does it, too; a run does it before it
// writes anything.
void replan_operators(TrainState& state, const Decisions& decisions, const ModelSpec& final_spec,
                      const Timeline& timeline);

class Trainer {
 public:
  Trainer(TrainParts parts, TrainState state) : parts_(std::move(parts)), state_(std::move(state)) {}

  // Runs until the last step, a signal or the end of the data. Throws Error(diverged) before a bad update is applied.
  StopReason run();
  const TrainState& state() const { return state_; }
  // False when run() was left by an exception while weights, moments and counters were being changed: the state then
  // belongs to no step. Otherwise it is that of the last finished step, and a checkpoint of it is exact.
  bool whole() const { return whole_; }

 private:
  void grow_if_due();
  void begin_growth(int64_t stage);
  void begin_stage(int64_t stage);
  StepShape shape_of_next_step() const;
  void note_gates(const StepShape& shape);
  std::vector<StepShape> shapes_of_steps(Progress first, int64_t count) const;
  void finish_growth(int64_t stage, const ModelSpec& to, const growth::Plan& plan, const growth::Leaves& leaves);
  bool step(StepReport& report);
  bool operator_step(StepReport& report);
  bool forward_backward(const ModelSpec& spec, const ParamTable& params, const StepShape& shape, StepReport& report);
  void agree_on(const StepReport& report, const StepShape& shape) const;
  void check_finite(const StepReport& report) const;
  void account(const StepReport& report, const StepShape& shape, int64_t phase, double flops);
  void observe(const StepReport& report, int64_t phase);
  void enter_stage(int64_t stage, int64_t start);
  Progress progress() const;

  TrainParts parts_;
  TrainState state_;
  bool whole_ = true;
  int64_t due_stage_ = 0;  // what the growth schedule asked for last
};

}  // namespace espalier
