#include "core/train/trainer.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cmath>

#include "core/base/error.h"
#include "core/model/flops.h"
#include "core/model/forward.h"

namespace espalier {

StopReason Trainer::run() {
  require_grad(state_.params);
  while (state_.step < parts_.timeline.total_steps) {
    if (parts_.hooks->stop_requested()) return StopReason::signal;
    grow_if_due();
    StepReport report;
    if (!step(report)) return StopReason::out_of_data;
    parts_.hooks->after_step(state_, report);
  }
  return StopReason::finished;
}

bool Trainer::step(StepReport& report) {
  const Progress now = progress();
  const auto& training = parts_.training;
  const auto compute = training.dtype == "bf16" ? ComputeType::bf16 : ComputeType::fp32;
  StepShape shape = StepShape::everything(state_.spec.num_layers);
  if (parts_.decisions.strategy != nullptr) parts_.decisions.strategy->fill_step_shape(now, shape);

  // Forward and backward, one micro-batch at a time; gradients add up in fp32.
  report.tier_weights = parts_.decisions.tier_weights(now);
  parts_.batches->set_tier_weights(report.tier_weights);
  clear_grads(state_.params);
  at::Tensor loss_sum = at::zeros({}, parts_.probe.tokens.options().dtype(at::kFloat));
  const int64_t accum = training.grad_accum_steps();
  for (int64_t micro_step = 0; micro_step < accum; ++micro_step) {
    Batch batch;
    if (!parts_.batches->next(batch)) return false;
    const at::Tensor loss = forward_loss(state_.spec, state_.params, batch.tokens, batch.targets, shape, compute);
    (loss / static_cast<double>(accum)).backward();
    loss_sum += loss.detach();
  }

  // Nothing that is not finite reaches the weights.
  report.loss = loss_sum.item<double>() / static_cast<double>(accum);
  report.grad_norm = clip_grad_norm(state_.params, training.max_norm);
  if (!std::isfinite(report.loss) || !std::isfinite(report.grad_norm))
    throw Error(ErrorCode::diverged,
                fmt::format("step {}: loss {} and gradient norm {} are not finite; the update was not applied",
                            state_.step + 1, report.loss, report.grad_norm),
                "training", "resume from the last checkpoint with a lower learning rate or a smaller max_norm");

  report.lr = parts_.decisions.lr->value(now);
  adamw_step(parts_.optimizer, report.lr, state_.params, state_.optim);

  state_.step += 1;
  state_.tokens += training.tokens_per_step();
  state_.flops += step_flops(state_.spec, shape, training.tokens_per_step());
  state_.lr_previous = report.lr;
  observe(report);
  return true;
}

void Trainer::observe(const StepReport& report) {
  const Progress now = progress();
  for (Schedule* schedule : {parts_.decisions.lr, parts_.decisions.growth, parts_.decisions.mixture})
    if (schedule != nullptr) schedule->observe(now, {"train/loss", "train/grad_norm"}, {report.loss, report.grad_norm});
}

void Trainer::grow_if_due() {
  if (parts_.decisions.strategy == nullptr || parts_.decisions.growth == nullptr) return;
  const auto due = static_cast<int64_t>(parts_.decisions.growth->value(progress()));
  if (due < state_.stage || due >= static_cast<int64_t>(parts_.timeline.stages.size()))
    throw Error(ErrorCode::plugin,
                fmt::format("the growth schedule asks for stage {} at step {}, in stage {} of {}", due + 1, state_.step,
                            state_.stage + 1, parts_.timeline.stages.size()),
                "schedule.growth", "stages never go back");
  while (state_.stage < due) grow(state_.stage + 1);
}

void Trainer::grow(int64_t stage) {
  auto& strategy = *parts_.decisions.strategy;
  const ModelSpec to = strategy.stage_spec(parts_.final_spec, stage);
  if (to == state_.spec) {  // a stage of data or freezing alone
    state_.stage = stage;
    state_.stage_start = state_.step;
    return;
  }
  const growth::Plan plan = strategy.plan(state_.spec, to);
  growth::Grown grown = growth::execute(plan, to, state_.params, state_.optim, parts_.seed,
                                        static_cast<int64_t>(state_.lineage.size()), parts_.growth_plugin.id);
  std::optional<double> tol = plan.preserving_tol;
  if (!tol && strategy.claims_preserving()) tol = strategy.preserve_tol();
  GrowthEvent event{state_.step,
                    state_.tokens,
                    stage,
                    state_.spec,
                    to,
                    growth::canonical_bytes(plan),
                    growth::plan_hash(plan),
                    growth::plan_flops(plan),
                    parts_.growth_plugin,
                    {}};
  event.audit = growth::audit(state_.spec, state_.params, to, grown.params, parts_.probe, tol, parts_.growth_plugin.id);

  // From here on nothing can fail: the old model is replaced as a whole.
  state_.spec = to;
  state_.params = std::move(grown.params);
  state_.optim = std::move(grown.state);
  state_.stage = stage;
  state_.stage_start = state_.step;
  state_.flops += event.plan_flops;
  state_.lineage.push_back(event);
  require_grad(state_.params);
  parts_.hooks->after_growth(state_, event);
}

Progress Trainer::progress() const {
  Progress now;
  now.step = state_.step;
  now.total_steps = parts_.timeline.total_steps;
  now.tokens = state_.tokens;
  now.total_tokens = parts_.timeline.total_tokens;
  now.stage = state_.stage;
  now.num_stages = static_cast<int64_t>(parts_.timeline.stages.size());
  now.stage_step = state_.step - state_.stage_start;
  now.stage_total_steps = parts_.timeline.stages[static_cast<size_t>(state_.stage)].steps;
  now.epoch = parts_.batches->epoch();
  now.flops = state_.flops;
  now.total_flops = parts_.timeline.total_flops;
  now.lr_peak = parts_.optimizer.lr;
  now.lr_previous = state_.lr_previous;
  return now;
}

}  // namespace espalier
