#include "core/train/trainer.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>

#include "core/base/error.h"
#include "core/model/flops.h"
#include "core/model/forward.h"
#include "core/optim/sum_grads.h"

namespace espalier {

Batch cut_rows(const Batch& batch, int64_t seq_len) {
  Batch cut{batch.tokens.reshape({-1, seq_len}), batch.targets.reshape({-1, seq_len}), batch.layout, batch.ignored};
  if (cut.layout.segments.defined()) cut.layout.segments = cut.layout.segments.reshape({-1, seq_len});
  return cut;
}

StopReason Trainer::run() {
  require_grad(state_.params);
  replan_operators(state_, parts_.decisions, parts_.final_spec, parts_.timeline);
  parts_.batches->step_done();
  while (state_.step < parts_.timeline.total_steps) {
    if (parts_.comm.any(parts_.hooks->stop_requested())) return StopReason::signal;
    grow_if_due();
    StepReport report;
    if (!(state_.operators ? operator_step(report) : step(report))) return StopReason::out_of_data;
    parts_.hooks->after_step(state_, report);
    const auto& guard = parts_.guard;
    if (guard.bound > 0 && state_.watch.ran_away(state_.step, guard.after, guard.bound)) return StopReason::ran_away;
  }
  return StopReason::finished;
}

bool Trainer::step(StepReport& report) {
  // What runs and trains, and on which data.
  Progress now = progress();
  StepShape shape = StepShape::everything(state_.spec.num_layers);
  if (parts_.decisions.strategy != nullptr) parts_.decisions.strategy->fill_step_shape(now, state_.spec, shape);
  now.phase = shape.phase;
  report.data_weights = parts_.decisions.data_weights(now);
  report.size = parts_.decisions.sizes.at(state_.step);

  clear_grads(state_.params);
  if (!forward_backward(state_.spec, state_.params, shape, report)) return false;
  report.grad_norm = clip_grad_norm(state_.params, parts_.training.max_norm);
  check_finite(report);
  report.lr = parts_.decisions.lr->value(now);
  agree_on(report, shape);
  const double flops = step_flops(at_context(state_.spec, report.size.seq_len), shape, report.size.tokens);
  whole_ = false;
  adamw_step(parts_.optimizer, report.lr, state_.params, state_.optim);
  account(report, shape, shape.phase, flops);
  return true;
}

// Gates count the steps done, so those of the model as it stands are those of the step to come. Only strategies with
// gates of this kind are asked beyond the last step of a stage.
StepShape Trainer::shape_of_next_step() const {
  StepShape shape = StepShape::everything(state_.spec.num_layers);
  parts_.decisions.strategy->fill_step_shape(progress(), state_.spec, shape);
  return shape;
}

void Trainer::note_gates(const StepShape& shape) {
  state_.gates.reset();
  if (shape.in_evaluation) state_.gates = shape.evaluated();
}

bool Trainer::operator_step(StepReport& report) {
  OperatorPhase& phase = *state_.operators;
  report.data_weights = parts_.decisions.data_weights(progress());
  report.size = parts_.decisions.sizes.at(state_.step);
  const StepShape everything = StepShape::everything(phase.to.num_layers);
  const auto backward = [&](const ParamTable& large) { return forward_backward(phase.to, large, everything, report); };
  if (!operator_gradients(phase, state_.params, parts_.seed, static_cast<int64_t>(state_.lineage.size()), backward))
    return false;
  report.grad_norm = clip_operator_gradients(phase);
  check_finite(report);
  agree_on(report, everything);
  const double flops = operator_step_flops(phase.plan, at_context(phase.to, report.size.seq_len), report.size.tokens);
  whole_ = false;
  report.lr = update_operators(phase);
  account(report, everything, 1, flops);
  return true;
}

// One micro-batch at a time; gradients add up in fp32, then over the ranks. The step's loss is the sum over its targets
// that count, divided once by their number. That is known only at the end, so micro-batches are divided by their
// places, and what padding took from the divisor is made up for once. Without padding nothing needs to be. False when
// the data ends.
bool Trainer::forward_backward(const ModelSpec& spec, const ParamTable& params, const StepShape& shape,
                               StepReport& report) {
  const auto compute = parts_.training.dtype == "bf16" ? ComputeType::bf16 : ComputeType::fp32;
  const int64_t accum = report.size.sequences / parts_.training.micro_batch;  // of all ranks
  if (accum % parts_.comm.world_size() != 0)
    throw Error(ErrorCode::config,
                fmt::format("a step of {} sequences cannot be shared by {} ranks in micro-batches of {}",
                            report.size.sequences, parts_.comm.world_size(), parts_.training.micro_batch),
                "training.global_batch", "make it a multiple of micro_batch times the number of ranks");
  try {
    parts_.batches->set_weights(report.data_weights);
  } catch (const Error& error) {
    throw parts_.decisions.mixture_error(error.message(), state_.step);
  }
  at::Tensor loss_sum = at::zeros({}, parts_.probe.tokens.options().dtype(at::kFloat));
  int64_t places = 0, counted = 0;  // targets of the step, and those that are not ignored
  for (int64_t micro_step = 0; micro_step < accum / parts_.comm.world_size(); ++micro_step) {
    Batch batch;
    if (!parts_.batches->next(batch)) return false;
    if (report.size.seq_len < batch.tokens.size(1)) batch = cut_rows(batch, report.size.seq_len);
    const int64_t here = batch.targets.numel(), real = here - batch.ignored;
    places += here;
    counted += real;
    if (real == 0) continue;  // nothing but padding: no loss, no gradient
    at::Tensor loss = forward_loss(spec, params, batch.tokens, batch.targets, shape, compute, batch.layout);
    if (batch.ignored > 0) loss = loss * (static_cast<double>(real) / static_cast<double>(here));
    (loss / static_cast<double>(accum)).backward();
    loss_sum += loss.detach();
  }
  parts_.comm.all_reduce(loss_sum);
  places = parts_.comm.sum(places);
  counted = parts_.comm.sum(counted);
  sum_grads(params, parts_.comm);
  report.targets = counted;
  report.loss = counted > 0 ? loss_sum.item<double>() / static_cast<double>(accum) : std::nan("");
  if (counted > 0 && counted < places) {
    const double made_up = static_cast<double>(places) / static_cast<double>(counted);
    scale_grads(params, made_up);
    report.loss *= made_up;
  }
  return true;
}

// What each rank works out for itself must come out the same, or they would train different models.
void Trainer::agree_on(const StepReport& report, const StepShape& shape) const {
  parts_.comm.agree("the step", [&] {
    return fmt::format("{} {} {} {} {} {} {}|{}|{}|{}|{}|{}|{}|{}|{}", state_.step, report.loss, report.grad_norm,
                       report.lr, report.size.sequences, report.size.seq_len, shape.phase,
                       fmt::join(report.data_weights.sources, " "), fmt::join(report.data_weights.tiers, " "),
                       fmt::join(shape.run, " "), fmt::join(shape.scale, " "), fmt::join(shape.trainable, " "),
                       fmt::join(shape.head_gate, " "), fmt::join(shape.unit_gate, " "),
                       fmt::join(shape.stream_gate, " "));
  });
}

// Nothing that is not finite reaches the weights.
void Trainer::check_finite(const StepReport& report) const {
  if (report.targets == 0 || (std::isfinite(report.loss) && std::isfinite(report.grad_norm))) return;
  std::string found;
  for (const auto& param : state_.params)
    if (found.empty() && !param.value.isfinite().all().item<bool>())
      found = fmt::format("; '{}' holds values that are not finite", param.info.name);
  // Before the first update the learning rate has done nothing yet.
  throw Error(ErrorCode::diverged,
              fmt::format("step {}: loss {} and gradient norm {} are not finite; the update was not applied{}",
                          state_.step + 1, report.loss, report.grad_norm, found),
              "training",
              state_.step == 0 ? "nothing was updated before, so the first weights or the model are at fault: see "
                                 "checkpoint.initial_load_path, model.init_std and model.norm_eps"
                               : "resume from the last checkpoint with a lower learning rate or a smaller max_norm");
}

void Trainer::account(const StepReport& report, const StepShape& shape, int64_t phase, double flops) {
  state_.step += 1;
  state_.tokens += report.size.tokens;
  state_.trained.add(report.size, parts_.training.tokens_per_step());
  state_.flops += flops;
  state_.lr_previous = report.lr;
  parts_.batches->step_done();
  std::optional<int64_t> recovered;  // an operator's losses are those of a model that is still being made
  if (!state_.operators && report.targets > 0) recovered = state_.watch.observe(report.loss, state_.tokens);
  whole_ = true;
  // The schedules see the step before anything else can fail, and what fails in them waits for the gates.
  std::exception_ptr failure;
  try {
    if (report.targets > 0) observe(report, phase);  // else there is no loss to show to anybody
  } catch (...) {
    failure = std::current_exception();
  }
  if (!state_.operators) note_gates(shape.in_evaluation ? shape_of_next_step() : shape);
  if (failure) std::rethrow_exception(failure);
  if (recovered) parts_.hooks->recovered(state_, *recovered);
}

// All see the step even where one fails: the others' state must be that of this step when it is saved.
void Trainer::observe(const StepReport& report, int64_t phase) {
  Progress now = progress();
  now.phase = phase;
  std::exception_ptr failure;
  for (Schedule* schedule : {parts_.decisions.lr, parts_.decisions.growth, parts_.decisions.mixture}) {
    if (schedule == nullptr) continue;
    try {
      schedule->observe(now, {"train/loss", "train/grad_norm"}, {report.loss, report.grad_norm});
    } catch (...) {
      if (!failure) failure = std::current_exception();
    }
  }
  if (failure) std::rethrow_exception(failure);
}

void Trainer::grow_if_due() {
  if (parts_.decisions.strategy == nullptr || parts_.decisions.growth == nullptr) return;
  if (state_.operators) {
    if (!state_.operators->finished()) return;
    OperatorPhase phase = std::move(*state_.operators);
    state_.operators.reset();
    try {
      finish_growth(phase.stage, phase.to, phase.plan, phase.leaves);
    } catch (...) {
      state_.operators = std::move(phase);  // what was learned belongs to the state before the growth
      throw;
    }
  }
  const auto due = static_cast<int64_t>(parts_.decisions.growth->value(progress()));
  if (due < due_stage_ || due >= static_cast<int64_t>(parts_.timeline.stages.size()))
    throw Error(ErrorCode::plugin,
                fmt::format("the growth schedule asks for stage {} at step {}, in stage {} of {}", due + 1, state_.step,
                            std::max(state_.stage, due_stage_) + 1, parts_.timeline.stages.size()),
                "schedule.growth", "stages never go back");
  parts_.comm.agree("the growth stage", [&] { return std::to_string(due); });
  // A resumed run may be ahead of what the schedule says now, and stays in its stage until the next boundary.
  due_stage_ = due;
  if (state_.stage < due && !state_.operators) parts_.hooks->stage_ended(state_);
  while (state_.stage < due && !state_.operators) begin_growth(state_.stage + 1);
}

void Trainer::begin_growth(int64_t stage) {
  auto& strategy = *parts_.decisions.strategy;
  const ModelSpec to = strategy.stage_spec(parts_.final_spec, stage);
  if (to == state_.spec) {  // a stage of data, freezing or sub-networks alone
    begin_stage(stage);
    return;
  }
  parts_.hooks->before_growth(state_);
  growth::Plan plan = strategy.plan(state_.spec, to);
  parts_.comm.agree("the growth plan", [&] { return growth::canonical_bytes(plan); });
  if (plan.learning)
    state_.operators = begin_operator_phase(std::move(plan), to, stage, state_.step, state_.params, parts_.seed,
                                            static_cast<int64_t>(state_.lineage.size()));
  else
    finish_growth(stage, to, plan, {});
}

void Trainer::begin_stage(int64_t stage) {
  constexpr int64_t kDraws = 8;
  StageChange change{state_.step, stage, 0, 0, 0};
  std::vector<StepShape> before;
  if (parts_.decisions.strategy->shapes_steps()) {
    Progress last = progress();
    change.draws = std::min(kDraws, last.stage_step);
    last.step -= change.draws;
    last.stage_step -= change.draws;
    before = shapes_of_steps(last, change.draws);
  }
  enter_stage(stage, state_.step);
  if (parts_.decisions.strategy->shapes_steps()) note_gates(shape_of_next_step());
  if (change.draws > 0) {
    change.loss_before = growth::mean_probe_loss(state_.spec, state_.params, parts_.probe, before);
    change.loss_after =
        growth::mean_probe_loss(state_.spec, state_.params, parts_.probe, shapes_of_steps(progress(), change.draws));
  }
  parts_.hooks->stage_began(state_, change);
}

void Trainer::enter_stage(int64_t stage, int64_t start) {
  state_.stage = stage;
  state_.stage_start = start;
  state_.stage_starts.resize(static_cast<size_t>(stage), -1);
  state_.stage_starts.push_back(start);
}

// What `count` steps run, from the one that begins at `first`.
std::vector<StepShape> Trainer::shapes_of_steps(Progress first, int64_t count) const {
  std::vector<StepShape> shapes;
  for (; count > 0; --count, ++first.step, ++first.stage_step) {
    shapes.push_back(StepShape::everything(state_.spec.num_layers));
    parts_.decisions.strategy->fill_step_shape(first, state_.spec, shapes.back());
    shapes.back().phase = 0;  // tells data schedules apart, not sub-networks
  }
  return shapes;
}

void Trainer::finish_growth(int64_t stage, const ModelSpec& to, const growth::Plan& plan,
                            const growth::Leaves& leaves) {
  const auto& strategy = *parts_.decisions.strategy;
  clear_grads(state_.params);  // their memory is needed
  const double norm_before = growth::probe_gradients(state_.spec, state_.params, parts_.probe, state_.gates).norm;
  growth::Grown grown = growth::execute(plan, to, state_.params, state_.optim, parts_.seed,
                                        static_cast<int64_t>(state_.lineage.size()), parts_.growth_plugin.id, leaves);
  std::optional<double> tol = plan.preserving_tol;
  if (!tol && strategy.claims_preserving()) tol = strategy.preserve_tol();
  Progress first = progress();
  first.stage = stage;
  first.stage_step = plan.learning ? plan.learning->steps : 0;
  first.stage_total_steps = parts_.timeline.stages[static_cast<size_t>(stage)].steps;
  StepShape first_step = StepShape::everything(to.num_layers);
  parts_.decisions.strategy->fill_step_shape(first, to, first_step);
  growth::Audit audit = growth::audit(state_.spec, state_.params, to, grown.params, parts_.probe, tol,
                                      parts_.growth_plugin.id, state_.gates, first_step);

  // The old model is replaced as a whole.
  whole_ = false;
  const ModelSpec from = state_.spec;
  state_.spec = to;
  state_.params = std::move(grown.params);
  state_.optim = std::move(grown.state);
  note_gates(first_step);
  const growth::ProbeGradients after = growth::probe_gradients(to, state_.params, parts_.probe, state_.gates);
  audit.grad_norm_before = norm_before;
  audit.grad_norm_after = after.norm;
  audit.dead_units = after.dead_units;
  audit.layer_similarity = growth::layer_similarity(to, state_.params);
  state_.lineage.push_back({state_.step, state_.tokens, stage, from, to, growth::canonical_bytes(plan),
                            growth::plan_hash(plan), growth::plan_flops(plan), parts_.growth_plugin, audit,
                            growth::detached(leaves), plan.learning ? plan.learning->steps : 0});
  enter_stage(stage, state_.step - state_.lineage.back().operator_steps);
  state_.flops += state_.lineage.back().plan_flops;
  state_.watch.grown(state_.step, state_.tokens);
  require_grad(state_.params);
  whole_ = true;
  parts_.hooks->after_growth(state_, state_.lineage.back());
}

void replan_operators(TrainState& state, const Decisions& decisions, const ModelSpec& final_spec,
                      const Timeline& timeline) {
  if (!state.operators || !state.operators->plan.nodes.empty()) return;
  OperatorPhase& phase = *state.operators;
  if (decisions.strategy == nullptr || phase.stage >= static_cast<int64_t>(timeline.stages.size()))
    throw Error(ErrorCode::checkpoint, "was written while a growth operator was being learned", "growth",
                "put [model] and [growth] back, or start afresh with --run-dir");
  phase.to = decisions.strategy->stage_spec(final_spec, phase.stage);
  phase.plan = decisions.strategy->plan(state.spec, phase.to);
  if (growth::plan_hash(phase.plan) != phase.plan_hash)
    throw Error(ErrorCode::checkpoint, "was written while another growth operator was being learned", "growth",
                "put [model] and [growth] back, or start afresh with --run-dir");
  for (const auto& [name, leaf] : phase.leaves) leaf.set_requires_grad(true);
}

Progress Trainer::progress() const {
  Progress now;
  now.step = state_.step;
  now.total_steps = parts_.timeline.total_steps;
  now.tokens = state_.tokens;
  now.total_tokens = parts_.timeline.total_tokens;
  now.stage = state_.operators ? state_.operators->stage : state_.stage;
  now.num_stages = static_cast<int64_t>(parts_.timeline.stages.size());
  now.phase = state_.operators ? 1 : 0;
  now.stage_step = state_.step - (state_.operators ? state_.operators->start : state_.stage_start);
  now.stage_total_steps = parts_.timeline.stages[static_cast<size_t>(now.stage)].steps;
  if (now.stage + 1 == now.num_stages) now.stage_total_steps = now.total_steps - (now.step - now.stage_step);
  now.epoch = parts_.batches->epoch();
  now.flops = state_.flops;
  now.total_flops = parts_.timeline.total_flops;
  now.lr_peak = parts_.optimizer.lr;
  now.lr_previous = state_.lr_previous;
  return now;
}

}  // namespace espalier
