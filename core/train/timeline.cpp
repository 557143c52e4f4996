#include "core/train/timeline.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/model/flops.h"
#include "core/train/operator_phase.h"

namespace espalier {

const StageRow& Timeline::at_step(int64_t step) const {
  const auto after = std::find_if(stages.begin(), stages.end(), [&](const StageRow& row) { return row.start > step; });
  return *std::prev(after == stages.begin() ? stages.end() : after);
}

namespace {

double trainable_share(const ModelSpec& spec, const StepShape& shape) {
  double trained = 0, all = 0;
  for (const auto& info : param_infos(spec)) {
    const auto layers = shape.num_layers();
    const size_t group = info.layer >= 0             ? static_cast<size_t>(info.layer)
                         : info.role == "final_norm" ? layers + 1
                         : info.role == "lm_head"    ? layers + 2
                                                     : layers;
    const bool runs = info.layer < 0 || shape.run[group] != 0;
    const auto n = static_cast<double>(info.numel());
    all += n;
    if (runs && shape.trainable[group] != 0) trained += n;
  }
  return trained / all;
}

int64_t stage_at(Schedule& schedule, Progress progress, int64_t step, int64_t num_stages) {
  progress.step = step;
  const double value = schedule.value(progress);
  if (value < 0 || value >= static_cast<double>(num_stages))
    throw Error(ErrorCode::plugin,
                fmt::format("the growth schedule asks for stage {} at step {}, but there are {} stages", value, step,
                            num_stages),
                "schedule.growth");
  return static_cast<int64_t>(value);
}

// First step of each stage, by bisection: stages never go back.
std::vector<int64_t> stage_starts(Schedule& schedule, const Progress& start) {
  std::vector<int64_t> starts(static_cast<size_t>(start.num_stages), start.total_steps);
  starts[0] = 0;
  for (int64_t stage = 1; stage < start.num_stages; ++stage) {
    int64_t low = starts[static_cast<size_t>(stage) - 1], high = start.total_steps;
    while (low < high) {
      const int64_t middle = low + (high - low) / 2;
      if (stage_at(schedule, start, middle, start.num_stages) >= stage)
        high = middle;
      else
        low = middle + 1;
    }
    starts[static_cast<size_t>(stage)] = low;
  }
  return starts;
}

// The growth that begins a stage: checks it, and prices it with its operator phase.
void price_growth(const Decisions& decisions, const ModelSpec& from, StageRow& row) {
  const StepSizes& sizes = decisions.sizes;
  const ModelSpec& to = row.spec;
  const auto refuse_smaller = [&](const char* what, int64_t before, int64_t after) {
    if (after < before)
      throw Error(ErrorCode::config,
                  fmt::format("growth stage {} would shrink {} from {} to {}", row.stage + 1, what, before, after),
                  decisions.strategy_place, "a model only grows: order the stages by size");
  };
  refuse_smaller("num_layers", from.num_layers, to.num_layers);
  refuse_smaller("d_model", from.d_model, to.d_model);
  refuse_smaller("num_heads", from.num_heads, to.num_heads);
  refuse_smaller("num_kv_heads", from.num_kv_heads, to.num_kv_heads);
  refuse_smaller("head_dim", from.head_dim, to.head_dim);
  refuse_smaller("d_ff", from.d_ff, to.d_ff);
  if (from == to) return;
  const growth::Plan plan = decisions.strategy->plan(from, to);
  row.flops += growth::plan_flops(plan);
  if (!plan.learning) return;
  row.operator_steps = plan.learning->steps;
  if (row.operator_steps >= row.steps)
    throw Error(ErrorCode::config,
                fmt::format("growth stage {} has {} steps, and learning its growth operator takes {} of them",
                            row.stage + 1, row.steps, row.operator_steps),
                decisions.strategy_place, "make the stage longer, or the operator phase shorter");
  row.phase_steps = row.operator_steps;
  for (int64_t step = row.start; step < row.start + row.operator_steps; ++step)
    row.flops += operator_step_flops(plan, at_context(to, sizes.at(step).seq_len), sizes.at(step).tokens);
}

// Walks the steps of a stage where the strategy shapes them (at most kMaxWalk of them, evenly spread).
void price_steps(const TrainingConfig& training, const StepSizes& sizes, growth::Strategy& strategy, Progress progress,
                 StageRow& row) {
  constexpr int64_t kMaxWalk = 4096;
  const bool shaped = strategy.shapes_steps();
  const int64_t steps = row.steps - row.operator_steps;
  const int64_t stride = shaped ? std::max<int64_t>(1, steps / kMaxWalk) : steps;
  double flops = 0, layers = 0, visited = 0, in_phase = 0;
  for (int64_t at = row.operator_steps; at < row.steps; at += stride) {
    progress.step = row.start + at;
    progress.stage_step = at;
    StepShape shape = StepShape::everything(row.spec.num_layers);
    if (shaped) strategy.fill_step_shape(progress, row.spec, shape);
    flops += flops_of_steps(sizes, row.spec, shape, progress.step, progress.step + 1);
    layers += std::accumulate(shape.run.begin(), shape.run.end(), 0.0);
    in_phase += shape.phase != 0 ? 1 : 0;
    row.trainable_fraction = std::min(row.trainable_fraction, trainable_share(row.spec, shape));
    row.memory_bytes = std::max(
        row.memory_bytes, train_memory_bytes(row.spec, shape, training.micro_batch, training.dtype == "bf16" ? 2 : 4));
    visited += 1;
  }
  row.flops += shaped ? flops / visited * static_cast<double>(steps)
                      : flops_of_steps(sizes, row.spec, StepShape::everything(row.spec.num_layers),
                                       row.start + row.operator_steps, row.start + row.steps);
  row.phase_steps += std::llround(in_phase / visited * static_cast<double>(steps));
  row.mean_layers = layers / visited;
}

void price_lr(Schedule& lr, Progress progress, StageRow& row) {
  const auto at = [&](int64_t step) {
    progress.step = step;
    progress.stage_step = step - row.start;
    return lr.value(progress);
  };
  row.lr_first = at(row.start);
  row.lr_last = at(row.start + row.steps - 1);
  row.lr_max = std::max(row.lr_first, row.lr_last);
  const int64_t stride = std::max<int64_t>(1, row.steps / 256);
  for (int64_t step = row.start; step < row.start + row.steps; step += stride)
    row.lr_max = std::max(row.lr_max, at(step));
}

// The plan of the data mixture, and the tiers of each stage in its main phase.
void add_mixture(const Decisions& decisions, Progress progress, Timeline& timeline) {
  std::vector<MixtureStage> stages;
  for (const StageRow& row : timeline.stages) stages.push_back({row.start, row.steps, row.phase_steps, row.flops});
  timeline.mixture =
      plan_mixture(decisions, progress, stages, [&](int64_t step) { return decisions.sizes.tokens_before(step); });
  timeline.sources = decisions.mixed_sources;
  const auto num_tiers = static_cast<size_t>(decisions.num_tiers);
  for (StageRow& row : timeline.stages) {
    const int64_t step = std::min(row.start + row.phase_steps, row.start + row.steps - 1);
    if (!timeline.mixture.empty()) row.tier_weights = mixture_at(timeline.mixture, step).shares.tiers;
    if (timeline.mixture.empty()) row.tier_weights.assign(num_tiers, 1 / static_cast<double>(num_tiers));
  }
}

}  // namespace

Timeline make_timeline(const ModelSpec& final_spec, const TrainingConfig& training, int64_t total_steps, double lr_peak,
                       const Decisions& decisions) {
  Timeline timeline;
  timeline.total_steps = total_steps;
  timeline.sizes = decisions.sizes;
  timeline.total_tokens = decisions.sizes.tokens_before(total_steps);
  Progress progress;
  progress.total_steps = total_steps;
  progress.total_tokens = timeline.total_tokens;
  progress.num_stages = decisions.strategy == nullptr ? 1 : decisions.strategy->num_stages(final_spec);
  progress.lr_peak = lr_peak;

  std::vector<int64_t> starts{0};
  if (progress.num_stages > 1) {
    if (decisions.growth == nullptr)
      throw Error(ErrorCode::config, "the growth strategy has several stages, but nothing says when they begin",
                  decisions.strategy_place,
                  "choose a plugin in [schedule.growth], for example plugin = \"prop-alpha\"");
    starts = stage_starts(*decisions.growth, progress);
  }
  starts.push_back(total_steps);
  for (int64_t stage = 0; stage < progress.num_stages; ++stage) {
    const auto i = static_cast<size_t>(stage);
    StageRow row;
    row.stage = stage;
    row.start = starts[i];
    row.steps = starts[i + 1] - starts[i];
    if (row.steps <= 0)
      throw Error(ErrorCode::config,
                  fmt::format("growth stage {} of {} would have no steps in a run of {}", stage + 1,
                              progress.num_stages, total_steps),
                  decisions.growth_place, "make the run longer, or use fewer stages");
    row.tokens = decisions.sizes.tokens_before(starts[i + 1]) - decisions.sizes.tokens_before(row.start);
    row.spec = decisions.strategy == nullptr ? final_spec : decisions.strategy->stage_spec(final_spec, stage);
    row.num_params = num_params(row.spec);
    progress.stage = stage;
    progress.stage_total_steps = row.steps;
    progress.step = row.start;
    progress.stage_step = 0;
    row.mean_layers = static_cast<double>(row.spec.num_layers);
    if (decisions.strategy != nullptr) {
      if (stage > 0) price_growth(decisions, timeline.stages.back().spec, row);
      price_steps(training, decisions.sizes, *decisions.strategy, progress, row);
    } else {
      const StepShape shape = StepShape::everything(row.spec.num_layers);
      row.flops = flops_of_steps(decisions.sizes, row.spec, shape, row.start, row.start + row.steps);
      row.memory_bytes = train_memory_bytes(row.spec, shape, training.micro_batch, training.dtype == "bf16" ? 2 : 4);
    }
    price_lr(*decisions.lr, progress, row);
    timeline.total_flops += row.flops;
    timeline.stages.push_back(std::move(row));
  }
  progress.total_flops = timeline.total_flops;
  add_mixture(decisions, progress, timeline);
  return timeline;
}

std::string format_timeline(const Timeline& timeline) {
  std::string out = fmt::format("{:>5} {:>8} {:>8} {:>8} {:>8} {:>7} {:>6} {:>8} {:>9} {:>6} {:>8}  {:<21} {}\n",
                                "stage", "start", "steps", "phase 1", "tokens", "layers", "width", "params", "FLOPs",
                                "train", "memory", "LR first..last (max)", "tiers");
  for (const auto& row : timeline.stages) {
    std::vector<std::string> tiers;
    for (const double weight : row.tier_weights) tiers.push_back(fmt::format("{:.0f}%", 100 * weight));
    const std::string layers = row.mean_layers == static_cast<double>(row.spec.num_layers)
                                   ? std::to_string(row.spec.num_layers)
                                   : fmt::format("{:.1f}/{}", row.mean_layers, row.spec.num_layers);
    out += fmt::format(
        "{:>5} {:>8} {:>8} {:>8} {:>8} {:>7} {:>6} {:>8} {:>9} {:>5.0f}% {:>7}B  {:<21} {}\n", row.stage + 1, row.start,
        row.steps, row.phase_steps == 0 ? "-" : std::to_string(row.phase_steps),
        human_count(static_cast<double>(row.tokens)), layers, row.spec.d_model,
        human_count(static_cast<double>(row.num_params)), human_count(row.flops), 100 * row.trainable_fraction,
        human_count(row.memory_bytes), fmt::format("{:.1e}..{:.1e} ({:.1e})", row.lr_first, row.lr_last, row.lr_max),
        fmt::join(tiers, " "));
  }
  return out +
         fmt::format("total {:>17} {:>17} {:>34} FLOPs\n", timeline.total_steps,
                     human_count(static_cast<double>(timeline.total_tokens)), human_count(timeline.total_flops)) +
         format_step_sizes(timeline.sizes) + format_mixture(timeline.mixture, timeline.sources, timeline.total_steps);
}

}  // namespace espalier
