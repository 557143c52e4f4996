#include "core/app/mix_report.h"

#include <algorithm>
#include <numeric>

namespace espalier {
namespace {

// What the trainer would tell the schedules before a step.
Progress progress_at(const RunConfig& config, const RunPlan& plan, int64_t step, double lr_previous) {
  const Timeline& timeline = plan.timeline;
  const StageRow& stage = timeline.at_step(step);
  Progress now;
  now.step = step;
  now.total_steps = timeline.total_steps;
  now.tokens = plan.decisions.sizes.tokens_before(step);
  now.total_tokens = timeline.total_tokens;
  now.stage = stage.stage;
  now.num_stages = static_cast<int64_t>(timeline.stages.size());
  now.stage_step = step - stage.start;
  now.stage_total_steps = stage.steps;
  now.phase = now.stage_step < stage.phase_steps ? 1 : 0;
  now.epoch =
      static_cast<double>(now.tokens) / static_cast<double>(std::max<int64_t>(plan.decisions.tokens_per_epoch, 1));
  for (const StageRow& row : timeline.stages)
    now.flops +=
        row.flops * std::clamp(static_cast<double>(step - row.start) / static_cast<double>(row.steps), 0.0, 1.0);
  now.total_flops = timeline.total_flops;
  now.lr_peak = config.optimizer.lr;
  now.lr_previous = lr_previous;
  return now;
}

void normalise(std::vector<double>& values) {
  const double sum = std::accumulate(values.begin(), values.end(), 0.0);
  for (double& value : values) value /= sum > 0 ? sum : 1;
}

}  // namespace

MixReport mix_report(const RunConfig& config, const PreparedData& data, TokenStream stream, const RunPlan& plan,
                     int64_t steps, int64_t num_spans) {
  const int64_t total_steps = plan.timeline.total_steps;
  MixReport report;
  report.steps = steps == 0 ? total_steps : std::min(steps, total_steps);
  const int64_t span_steps = std::max<int64_t>(1, (report.steps + num_spans - 1) / num_spans);
  for (const auto& source : data.sources) report.sources.push_back({source.name, source.train.num_tokens(), 0, 0, -1});

  std::vector<RowOrigin> rows;
  const std::string state = plan.decisions.mixture == nullptr ? "" : plan.decisions.mixture->save_state();
  double lr_previous = 0;
  for (int64_t step = 0; step < report.steps && report.out_of_data < 0; ++step) {
    if (step % span_steps == 0) {
      report.spans.push_back(
          {step, step, std::vector<double>(data.sources.size(), 0), std::vector<double>(data.tiers.size(), 0)});
    }
    const Progress now = progress_at(config, plan, step, lr_previous);
    MixtureWeights weights = plan.decisions.data_weights(now);
    if (data.tiers.size() < 2) weights.tiers.clear();
    try {
      stream.set_weights(weights);
    } catch (const Error& error) {
      throw plan.decisions.mixture_error(error.message(), step);
    }
    rows.resize(static_cast<size_t>(plan.decisions.sizes.at(step).sequences));
    if (!stream.locate(rows)) {
      report.out_of_data = step;
      break;
    }
    // As the trainer tells it after a step: schedules that switch once must see the steps go by.
    lr_previous = plan.decisions.lr->value(now);
    if (!state.empty() && step + 1 < total_steps) {
      Progress after = progress_at(config, plan, step + 1, lr_previous);
      after.phase = now.phase;
      plan.decisions.mixture->observe(after, {}, {});
    }
    MixSpan& span = report.spans.back();
    span.end = step + 1;
    for (const RowOrigin& row : rows) {
      const uint64_t targets = std::max<uint64_t>(row.tokens, 1) - 1;
      span.sources[static_cast<size_t>(row.source)] += static_cast<double>(targets);
      span.tiers[static_cast<size_t>(row.tier)] += static_cast<double>(targets);
      MixSource& source = report.sources[static_cast<size_t>(row.source)];
      source.drawn += targets;
      if (source.first_pass < 0 && source.drawn >= source.tokens) source.first_pass = step + 1;
    }
  }
  if (!state.empty()) plan.decisions.mixture->load_state(state);
  if (!report.spans.empty() && report.spans.back().end == report.spans.back().start) report.spans.pop_back();
  for (auto& span : report.spans) {
    normalise(span.sources);
    normalise(span.tiers);
  }
  double all = 0;
  for (const auto& source : report.sources) all += static_cast<double>(source.drawn);
  for (auto& source : report.sources) source.fraction = all > 0 ? static_cast<double>(source.drawn) / all : 0;
  return report;
}

}  // namespace espalier
