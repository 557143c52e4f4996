#include "core/train/mixture_plan.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

namespace espalier {
namespace {

std::vector<double> shares_of(std::vector<double> weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= sum > 0 ? sum : 1;
  return weights;
}

std::string percents(const std::vector<double>& shares, const std::vector<std::string>& names) {
  std::vector<std::string> out;
  for (size_t i = 0; i < shares.size(); ++i)
    out.push_back(names.empty() ? fmt::format("{:.0f}%", 100 * shares[i])
                                : fmt::format("{} {:.1f}%", names[i], 100 * shares[i]));
  return fmt::format("{}", fmt::join(out, " "));
}

}  // namespace

MixtureWeights Decisions::data_weights(const Progress& progress) const {
  const std::vector<double> equal(static_cast<size_t>(num_tiers), 1.0);
  if (mixture == nullptr) return {{}, equal};
  const std::vector<double> values = mixture->values(progress);
  const auto sources = values.begin() + (mixes_tiers ? static_cast<std::ptrdiff_t>(num_tiers) : 0);
  MixtureWeights weights{{sources, values.end()}, {values.begin(), sources}};
  for (const auto& [of, list] : {std::pair{"source", &weights.sources}, {"tier", &weights.tiers}})
    if (!list->empty() && std::all_of(list->begin(), list->end(), [](double weight) { return weight == 0; }))
      throw mixture_error(fmt::format("every {} has weight 0", of), progress.step);
  return weights;
}

Error Decisions::mixture_error(const std::string& what, int64_t step) const {
  return {ErrorCode::config,
          fmt::format("the data mixture of step {}: {}{}", step + 1, what,
                      mixture_id.empty() ? "" : " (the weights come from " + mixture_id + ")"),
          mixture_place, "change schedule.mixture.params, or choose another schedule.mixture.plugin"};
}

std::vector<MixtureSpan> plan_mixture(const Decisions& decisions, Progress at, const std::vector<MixtureStage>& stages,
                                      const std::function<int64_t(int64_t step)>& tokens_before) {
  constexpr int64_t kMaxWalk = 1 << 20;
  std::vector<MixtureSpan> spans;
  if (decisions.mixture == nullptr) return spans;
  const int64_t stride = at.total_steps / kMaxWalk + 1, first = at.step;
  const std::string state = decisions.mixture->save_state();
  MixtureWeights before;
  double flops_before = 0;
  const auto move_to = [&](const MixtureStage& stage, int64_t step) {
    at.step = step;
    at.tokens = tokens_before(step);
    at.stage_step = step - stage.start;
    at.phase = at.stage_step < stage.phase_steps ? 1 : 0;
    at.flops = flops_before + stage.flops * static_cast<double>(at.stage_step) / static_cast<double>(stage.steps);
    if (decisions.tokens_per_epoch > 0)
      at.epoch = static_cast<double>(at.tokens) / static_cast<double>(decisions.tokens_per_epoch);
  };
  for (size_t i = 0; i < stages.size(); ++i) {
    const MixtureStage& stage = stages[i];
    at.stage = static_cast<int64_t>(i);
    at.stage_total_steps = stage.steps;
    for (int64_t step = std::max(stage.start, first); step < stage.start + stage.steps; step += stride) {
      move_to(stage, step);
      MixtureWeights weights = decisions.data_weights(at);
      if (spans.empty() || weights != before) {
        spans.push_back({step, {shares_of(weights.sources), shares_of(weights.tiers)}});
        before = std::move(weights);
      }
      const double lr = decisions.lr->value(at);
      const int64_t phase = at.phase;
      move_to(stage, step + 1);
      at.phase = phase;  // observe() sees the phase of the step that ran
      at.lr_previous = lr;
      if (!state.empty()) decisions.mixture->observe(at, {}, {});
    }
    flops_before += stage.flops;
  }
  if (!state.empty()) decisions.mixture->load_state(state);
  return spans;
}

const MixtureSpan& mixture_at(const std::vector<MixtureSpan>& spans, int64_t step) {
  const auto after = std::find_if(spans.begin(), spans.end(), [&](const MixtureSpan& s) { return s.start > step; });
  return *std::prev(after);
}

std::string format_mixture(const std::vector<MixtureSpan>& spans, const std::vector<std::string>& sources,
                           int64_t total_steps) {
  constexpr size_t kLines = 12;
  if (spans.empty() || (spans.size() == 1 && sources.empty())) return {};
  std::string out = "data mixture, as planned\n";
  const size_t lines = std::min(spans.size(), kLines);
  for (size_t line = 0; line < lines; ++line) {
    const MixtureSpan& span = spans[lines == 1 ? 0 : line * (spans.size() - 1) / (lines - 1)];
    out += fmt::format("  from step {:>8} ({:>5.1f}%)", span.start,
                       100 * static_cast<double>(span.start) / static_cast<double>(total_steps));
    if (!span.shares.sources.empty()) out += "  " + percents(span.shares.sources, sources);
    if (!span.shares.tiers.empty()) out += "  tiers " + percents(span.shares.tiers, {});
    out += '\n';
  }
  if (lines < spans.size()) out += fmt::format("  ({} of {} changes)\n", lines - 1, spans.size() - 1);
  return out;
}

}  // namespace espalier
