#include "core/run/recorder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/base/error.h"
#include "core/base/figure.h"
#include "core/base/log.h"
#include "core/base/text.h"
#include "core/run/signals.h"

namespace espalier {
namespace {

double seconds_between(std::chrono::steady_clock::time_point a, std::chrono::steady_clock::time_point b) {
  return std::chrono::duration<double>(b - a).count();
}

}  // namespace

Recorder::Recorder(RecorderParts parts)
    : parts_(std::move(parts)),
      writer_(parts_.run_dir, parts_.start_step, parts_.start_stage, parts_.metrics.tensorboard),
      start_(Clock::now()),
      window_start_(start_),
      window_step_(parts_.start_step),
      window_tokens_(parts_.start_tokens),
      window_flops_(parts_.start_flops) {}

bool Recorder::stop_requested() {
  return stop_flag().load();
}

MetricsRow Recorder::row(const TrainState& state) const {
  return {state.step, state.tokens, state.flops, writer_.seconds_before() + seconds_between(start_, Clock::now()), {}};
}

void Recorder::write(MetricsRow row) {
  if (parts_.comm.is_first()) writer_.write(std::move(row));
}

void Recorder::after_step(const TrainState& state, const StepReport& report) {
  const bool last = state.step == parts_.total_steps;
  if (report.targets == 0)
    log_warning(
        "step {}: its rows hold nothing but padding, so there is no loss and nothing was updated (a larger "
        "training.global_batch or smaller data.block_tokens has fewer such steps)",
        state.step);
  const auto due = [&](int64_t interval) { return interval > 0 && state.step % interval == 0; };
  if (due(parts_.metrics.log_interval) || last || state.step == parts_.start_step + 1) log_progress(state, report);
  if (due(parts_.validation_interval) && !last) validate(state);
  const bool asked = take_save_request();
  if ((asked || due(parts_.checkpoint_interval)) && !last) parts_.save(state);
}

void Recorder::log_progress(const TrainState& state, const StepReport& report) {
  const auto now = Clock::now();
  const double seconds = std::max(seconds_between(window_start_, now), 1e-9), elapsed = seconds_between(start_, now);
  const auto steps = static_cast<double>(state.step - window_step_);
  const double tokens_per_second = static_cast<double>(state.tokens - window_tokens_) / seconds;
  const double done = static_cast<double>(state.step - parts_.start_step);
  const double eta = elapsed / done * static_cast<double>(parts_.total_steps - state.step);
  const double flops_per_second = (state.flops - window_flops_) / seconds, peak = parts_.device.peak_flops;
  const std::string mfu = peak > 0 ? fmt::format("{:.1f}% MFU", 100 * flops_per_second / peak) : "MFU n/a";
  const double wait = parts_.data_wait_seconds();
  const double memory = static_cast<double>(max_memory_bytes(parts_.device)) / (1 << 30);
  const auto& operators = state.operators;
  const std::string stage = operators ? fmt::format("{}/{} operator {}/{}", operators->stage + 1, parts_.num_stages,
                                                    operators->done, operators->learning().steps)
                                      : fmt::format("{}/{}", state.stage + 1, parts_.num_stages);
  log_info(
      "step {}/{} | stage {} | loss {} | norm {:.2f} | lr {:.2e} | {:.0f} ms | {} tok/s | {} | {:.2f} GiB | eta "
      "{}",
      state.step, parts_.total_steps, stage, figure("{:.4f}", report.loss), report.grad_norm, report.lr,
      1000 * seconds / steps, with_commas(static_cast<int64_t>(tokens_per_second)), mfu, memory, human_seconds(eta));

  MetricsRow out = row(state);
  out.values = {{"train/loss", report.loss},
                {"train/ppl", std::exp(report.loss)},
                {"train/lr", report.lr},
                {"train/grad_norm", report.grad_norm},
                {"train/tokens", static_cast<double>(state.tokens)},
                {"train/flops", state.flops},
                {"train/sequences", static_cast<double>(report.size.sequences)},
                {"train/seq_len", static_cast<double>(report.size.seq_len)},
                {"throughput/tokens_per_sec", tokens_per_second},
                {"throughput/device/flops_per_sec", flops_per_second},
                {"time/step_ms", 1000 * seconds / steps},
                {"time/data_wait_pct", 100 * (wait - window_wait_) / seconds},
                {"memory/max_reserved_gib", memory},
                {"growth/stage", static_cast<double>(state.stage)},
                {"growth/n_params", static_cast<double>(num_params(state.spec))}};
  if (peak > 0) out.values["throughput/device/mfu"] = flops_per_second / peak;
  double weighted_tier = 0, weight_sum = 0;
  for (size_t i = 0; i < report.data_weights.tiers.size(); ++i) {
    weighted_tier += static_cast<double>(i) * report.data_weights.tiers[i];
    weight_sum += report.data_weights.tiers[i];
  }
  if (weight_sum > 0) out.values["data/difficulty_mean"] = weighted_tier / weight_sum;
  for (const auto& [name, fraction] : parts_.data_fractions()) out.values["data/" + name + "/frac"] = fraction;
  write(std::move(out));

  window_start_ = Clock::now();
  window_step_ = state.step;
  window_tokens_ = state.tokens;
  window_flops_ = state.flops;
  window_wait_ = wait;
}

void Recorder::before_growth(const TrainState& state) {
  if (parts_.checkpoint_before_growth) parts_.save(state);
}

void Recorder::recovered(const TrainState& state, int64_t tokens) {
  log_info("the loss is back at {:.4f} (what it was before the growth at step {}) after {} tokens",
           state.watch.loss_before, state.watch.step, with_commas(tokens));
  MetricsRow out = row(state);
  out.values = {{"growth/recovery_tokens", static_cast<double>(tokens)}};
  write(std::move(out));
}

void Recorder::after_growth(const TrainState& state, const GrowthEvent& event) {
  validated_step_ = -1;  // another model
  log_info(
      "growth at step {}: stage {}/{} | {} -> {} layers, width {} -> {} | {} -> {} params | probe loss {:.4f} -> "
      "{:.4f} | "
      "max logit diff {:.3g} | probe gradient {:.2f} -> {:.2f} | dead units {} | layer similarity {:.2f} | plan {}",
      event.step, event.stage + 1, parts_.num_stages, event.from.num_layers, event.to.num_layers, event.from.d_model,
      event.to.d_model, human_count(static_cast<double>(event.audit.params_before)),
      human_count(static_cast<double>(event.audit.params_after)), event.audit.loss_before, event.audit.loss_after,
      event.audit.max_logit_diff, event.audit.grad_norm_before, event.audit.grad_norm_after, event.audit.dead_units,
      event.audit.layer_similarity, event.plan_hash.substr(0, 12));
  MetricsRow out = row(state);
  out.values = {{"growth/stage", static_cast<double>(event.stage)},
                {"growth/n_params", static_cast<double>(event.audit.params_after)},
                {"growth/loss_before", event.audit.loss_before},
                {"growth/loss_after", event.audit.loss_after},
                {"growth/max_logit_diff", event.audit.max_logit_diff},
                {"growth/grad_norm_before", event.audit.grad_norm_before},
                {"growth/grad_norm_after", event.audit.grad_norm_after},
                {"growth/dead_units", static_cast<double>(event.audit.dead_units)},
                {"growth/layer_similarity", event.audit.layer_similarity}};
  write(std::move(out));
  if (parts_.checkpoint_at_growth) parts_.save(state);
}

void Recorder::stage_ended(const TrainState& state) {
  if (parts_.gates == nullptr) return;
  const StageReport report = parts_.gates->finish_stage();
  if (report.documents == 0) return;  // resumed where the stage ended: nothing was seen of it here
  log_info("data of stage {}/{}, which ends at step {}: {}", state.stage + 1, parts_.num_stages, state.step,
           StageGates::describe(report));
  MetricsRow out = row(state);
  out.values = StageGates::metrics(report);
  out.values["growth/stage"] = static_cast<double>(state.stage);
  write(std::move(out));
  validate(state);
  const auto passed = parts_.gates->passed(report);
  if (passed.key.empty()) return;
  log_warning("stage {} ends at step {}: {}", state.stage + 1, state.step, passed.message);
  parts_.save(state);
  throw Error(
      ErrorCode::data, fmt::format("stage {} ends at step {}: {}", state.stage + 1, state.step, passed.message),
      passed.key,
      "resume goes on from the checkpoint just saved without judging this stage again; for other data start a new "
      "run, with checkpoint.initial_load_path if it is to keep these weights");
}

void Recorder::stage_began(const TrainState& state, const StageChange& change) {
  MetricsRow out = row(state);
  out.values = {{"growth/stage", static_cast<double>(change.stage)}};
  std::string gap;
  if (change.draws > 0) {
    gap = fmt::format(" | probe loss {:.4f} -> {:.4f}, mean of {} sub-networks each", change.loss_before,
                      change.loss_after, change.draws);
    out.values["growth/loss_before"] = change.loss_before;
    out.values["growth/loss_after"] = change.loss_after;
  }
  log_info("step {}: stage {}/{} begins, the model keeps its shape{}", change.step, change.stage + 1, parts_.num_stages,
           gap);
  write(std::move(out));
}

const std::vector<SourceEvaluation>& Recorder::validate(const TrainState& state) {
  if (!parts_.validate || validated_step_ == state.step) return last_validation_;
  const auto begin = Clock::now();
  const Doing doing("validation; what was trained since the last checkpoint is lost");
  last_validation_ = parts_.validate(state);
  validated_step_ = state.step;
  MetricsRow out = row(state);
  std::string line;
  for (const auto& [source, result] : last_validation_) {
    out.values["val/" + source + "/loss"] = result.nll();
    out.values["val/" + source + "/bpb"] = result.bits_per_byte();
    line += fmt::format(" | {} {:.3f}", source, result.nll());
    if (!std::isfinite(result.nll_sum))
      throw Error(
          ErrorCode::diverged,
          fmt::format("validation at step {}: the loss on source \"{}\" is {}", state.step, source, result.nll()),
          "training", "resume from an earlier checkpoint with a lower learning rate");
  }
  const Evaluation total = total_of(last_validation_);
  out.values["val/loss"] = total.nll();
  out.values["val/bpb"] = total.bits_per_byte();
  log_info("validation at step {}: loss {:.4f}, {} bits per byte{}", state.step, total.nll(),
           figure("{:.4f}", total.bits_per_byte()), line);
  write(std::move(out));
  window_start_ += Clock::now() - begin;  // step times leave validation out
  return last_validation_;
}

}  // namespace espalier
