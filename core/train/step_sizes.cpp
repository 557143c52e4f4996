#include "core/train/step_sizes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <cmath>

#include "core/base/error.h"
#include "core/model/flops.h"

namespace espalier {
namespace {

int64_t whole(double value, const char* what, int64_t step, const std::string& place) {
  if (value >= 1 && value == std::floor(value) && value < 9e15) return static_cast<int64_t>(value);
  throw Error(ErrorCode::config, fmt::format("{} of step {} is {}, expected a whole number above 0", what, step, value),
              place);
}

int64_t sequences_at(const TrainingConfig& training, const SizeSchedule& batch, const Progress& at) {
  const int64_t full = training.grad_accum_steps() * training.micro_batch;
  if (batch.schedule == nullptr) return full;
  const int64_t sequences = whole(batch.schedule->value(at), "the batch", at.step, batch.place);
  if (sequences % training.micro_batch != 0)
    throw Error(ErrorCode::config,
                fmt::format("the batch of step {} is {} sequences, not a multiple of micro_batch = {}", at.step,
                            sequences, training.micro_batch),
                batch.place);
  if (sequences > full)
    throw Error(
        ErrorCode::config,
        fmt::format("the batch of step {} is {} sequences, above the {} of the full batch", at.step, sequences, full),
        batch.place, "raise training.global_batch, or end the ramp lower");
  return sequences;
}

int64_t row_length_at(const TrainingConfig& training, const SizeSchedule& seq_len, const Progress& at) {
  if (seq_len.schedule == nullptr) return training.seq_len;
  const int64_t length = whole(seq_len.schedule->value(at), "the sequence length", at.step, seq_len.place);
  if (training.seq_len % length != 0)
    throw Error(ErrorCode::config,
                fmt::format("the sequence length of step {} is {}, which does not divide training.seq_len = {}",
                            at.step, length, training.seq_len),
                seq_len.place);
  return length;
}

}  // namespace

void TrainedSteps::add(const StepSize& size, int64_t full_tokens) {
  const Span span{steps, size, full_tokens};
  if (spans.empty() || spans.back().size != size || spans.back().full_tokens != full_tokens) spans.push_back(span);
  steps += 1;
}

TrainedSteps TrainedSteps::evenly(int64_t steps, int64_t tokens, const TrainingConfig& training) {
  TrainedSteps out;
  out.steps = steps;
  if (steps == 0) return out;
  const int64_t each = tokens / steps, larger = tokens % steps;  // so many steps hold a token more
  const auto add = [&](int64_t start, int64_t size) {
    out.spans.push_back({start, {size / training.seq_len, training.seq_len, size}, size});
  };
  if (larger < steps) add(0, each);
  if (larger > 0) add(steps - larger, each + 1);
  return out;
}

TrainedSteps TrainedSteps::as_planned(const StepSizes& sizes, int64_t steps, int64_t full_tokens) {
  TrainedSteps out;
  out.steps = steps;
  for (const StepSizes::Span& span : sizes.spans())
    if (span.start < steps) out.spans.push_back({span.start, span.size, full_tokens});
  return out;
}

std::vector<TokenRate> TrainedSteps::full_rates(int64_t full_tokens_now) const {
  std::vector<TokenRate> out;
  const auto add = [&](int64_t step, int64_t tokens) {
    if (out.empty() || out.back().tokens_per_step != tokens) out.push_back({step, tokens});
  };
  for (const Span& span : spans) add(span.start, span.full_tokens);
  add(steps, full_tokens_now);
  if (out.size() == 1) out.clear();
  return out;
}

StepSizes::StepSizes(const TrainingConfig& training, const TrainedSteps& past) {
  for (const TrainedSteps::Span& span : past.spans) append(span.start, span.size);
  append(past.steps,
         {training.grad_accum_steps() * training.micro_batch, training.seq_len, training.tokens_per_step()});
}

void StepSizes::append(int64_t step, const StepSize& size) {
  if (!spans_.empty() && spans_.back().size == size) return;
  assert(spans_.empty() ? step == 0 : step > spans_.back().start);
  spans_.push_back({step, size, spans_.empty() ? 0 : tokens_before(step)});
}

const StepSizes::Span& StepSizes::span_of(int64_t step) const {
  assert(!spans_.empty() && step >= 0);
  const auto after =
      std::upper_bound(spans_.begin(), spans_.end(), step, [](int64_t s, const Span& span) { return s < span.start; });
  return *std::prev(after);
}

int64_t StepSizes::tokens_before(int64_t step) const {
  const Span& span = span_of(step);
  return span.tokens_before + (step - span.start) * span.size.tokens;
}

std::vector<TokenRate> StepSizes::rates() const {
  std::vector<TokenRate> out;
  for (const Span& span : spans_)
    if (out.empty() || out.back().tokens_per_step != span.size.tokens) out.push_back({span.start, span.size.tokens});
  if (out.size() == 1) out.clear();
  return out;
}

StepSizes plan_step_sizes(const TrainingConfig& training, const SizeSchedule& batch, const SizeSchedule& seq_len,
                          Progress at, const TrainedSteps& past) {
  StepSizes sizes;
  for (const TrainedSteps::Span& span : past.spans) sizes.append(span.start, span.size);
  at.tokens = past.steps > 0 ? sizes.tokens_before(past.steps) : 0;
  for (at.step = past.steps; at.step < at.total_steps; ++at.step) {
    const int64_t sequences = sequences_at(training, batch, at);
    const StepSize size{sequences, row_length_at(training, seq_len, at), sequences * training.seq_len};
    sizes.append(at.step, size);
    at.tokens += size.tokens;
  }
  return sizes;
}

ModelSpec at_context(ModelSpec spec, int64_t seq_len) {
  spec.seq_len = seq_len;
  return spec;
}

double flops_of_steps(const StepSizes& sizes, const ModelSpec& spec, const StepShape& shape, int64_t begin,
                      int64_t end) {
  double flops = 0;
  const auto& spans = sizes.spans();
  for (size_t i = 0; i < spans.size(); ++i) {
    const int64_t first = std::max(begin, spans[i].start);
    const int64_t last = i + 1 < spans.size() ? std::min(end, spans[i + 1].start) : end;
    if (first >= last) continue;
    const StepSize& size = spans[i].size;
    flops += static_cast<double>(last - first) * step_flops(at_context(spec, size.seq_len), shape, size.tokens);
  }
  return flops;
}

std::string format_step_sizes(const StepSizes& sizes) {
  constexpr size_t kLines = 12;
  const auto& spans = sizes.spans();
  if (spans.size() < 2) return {};
  std::string out = "batch, as planned\n";
  const size_t lines = std::min(spans.size(), kLines);
  for (size_t line = 0; line < lines; ++line) {
    const StepSizes::Span& span = spans[line * (spans.size() - 1) / (lines - 1)];
    out += fmt::format("  from step {:>8}  {} sequences in rows of {} tokens, {} tokens a step\n", span.start,
                       span.size.sequences, span.size.seq_len, span.size.tokens);
  }
  if (lines < spans.size()) out += fmt::format("  ({} of {} changes)\n", lines - 1, spans.size() - 1);
  return out;
}

}  // namespace espalier
