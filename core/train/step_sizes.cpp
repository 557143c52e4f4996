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

StepSizes::StepSizes(const TrainingConfig& training) {
  append(0, {training.grad_accum_steps() * training.micro_batch, training.seq_len, training.tokens_per_step()});
}

void StepSizes::append(int64_t step, const StepSize& size) {
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
                          Progress at) {
  StepSizes sizes;
  for (at.step = 0; at.step < at.total_steps; ++at.step) {
    const int64_t sequences = sequences_at(training, batch, at);
    const StepSize size{sequences, row_length_at(training, seq_len, at), sequences * training.seq_len};
    if (sizes.spans().empty() || sizes.spans().back().size != size) sizes.append(at.step, size);
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
