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

// Parameters of each part that trains as a whole: the layers, then embedding, final norm, head.
std::vector<double> sizes_of_parts(const ModelSpec& spec) {
  const auto layers = static_cast<size_t>(spec.num_layers);
  std::vector<double> sizes(layers + 3, 0);
  for (const auto& info : param_infos(spec)) {
    const size_t part = info.layer >= 0             ? static_cast<size_t>(info.layer)
                        : info.role == "final_norm" ? layers + 1
                        : info.role == "lm_head"    ? layers + 2
                                                    : layers;
    sizes[part] += static_cast<double>(info.numel());
  }
  return sizes;
}

double trainable_share(const std::vector<double>& sizes, const StepShape& shape) {
  double trained = 0, all = 0;
  for (size_t part = 0; part < sizes.size(); ++part) {
    const bool runs = part >= shape.num_layers() || shape.run[part] != 0;
    all += sizes[part];
    if (runs && shape.trainable[part] != 0) trained += sizes[part];
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

// A schedule that is no function of the step alone keeps its planned starts: its stages have begun when it said so.
bool reacts(Schedule& schedule) {
  return !schedule.save_state().empty();
}

int64_t present_stage(const TrainState& state) {
  return state.operators ? state.operators->stage : state.stage;
}

// The stages so far began when they did, those to come begin from now on.
void begin_as_happened(const TrainState& state, std::vector<int64_t>& starts) {
  const int64_t present = present_stage(state);
  for (size_t i = 0; i < starts.size(); ++i) {
    const auto stage = static_cast<int64_t>(i);
    if (stage > present)
      starts[i] = std::max(starts[i], state.step);
    else if (stage > state.stage)
      starts[i] = state.operators->start;
    else if (i < state.stage_starts.size() && state.stage_starts[i] >= 0)
      starts[i] = state.stage_starts[i];
  }
}

const GrowthEvent* growth_into(const TrainState* state, int64_t stage) {
  if (state == nullptr) return nullptr;
  const auto found = std::find_if(state->lineage.begin(), state->lineage.end(),
                                  [&](const GrowthEvent& event) { return event.stage == stage; });
  return found == state->lineage.end() ? nullptr : &*found;
}

[[noreturn]] void refuse_empty_stage(const Decisions& decisions, const Timeline& timeline, int64_t stage,
                                     int64_t num_stages, int64_t start) {
  const std::string when =
      start >= timeline.total_steps
          ? fmt::format("its growth is not due within the run, which has {} steps by training.steps",
                        timeline.total_steps)
          : fmt::format("the growth that ends it is due at step {}, where it begins", start);
  throw Error(ErrorCode::config,
              fmt::format("growth stage {} of {} would have no steps: {}", stage + 1, num_stages, when),
              decisions.growth_place,
              "raise training.steps, change when growth is due (schedule.growth.params), or use fewer stages "
              "(growth.params)");
}

// A growth that has happened, by another plan than the strategy would make now.
void price_past_growth(const StepSizes& sizes, const GrowthEvent& event, StageRow& row) {
  row.flops += event.plan_flops;
  row.operator_steps = row.phase_steps = std::min(event.operator_steps, row.steps);
  row.flops += flops_of_steps(sizes, row.spec, StepShape::everything(row.spec.num_layers), row.start,
                              row.start + row.operator_steps);
}

// The growth that begins a stage: checks it, and prices it with its operator phase. `happened`: one that is behind.
void price_growth(const Decisions& decisions, const ModelSpec& from, const GrowthEvent* happened, StageRow& row) {
  const StepSizes& sizes = decisions.sizes;
  const ModelSpec& to = row.spec;
  const auto refuse_smaller = [&](const char* what, int64_t before, int64_t after) {
    if (after < before && happened == nullptr)
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
  growth::Plan plan;
  try {
    plan = decisions.strategy->plan(from, to);
  } catch (const Error&) {
    if (happened == nullptr) throw;
  }
  if (happened != nullptr && growth::plan_hash(plan) != happened->plan_hash)
    return price_past_growth(sizes, *happened, row);
  row.flops += growth::plan_flops(plan);
  if (!plan.learning) return;
  row.operator_steps = plan.learning->steps;
  if (row.operator_steps >= row.steps && happened == nullptr)
    throw Error(ErrorCode::config,
                fmt::format("growth stage {} has {} steps, and learning its growth operator takes {} of them",
                            row.stage + 1, row.steps, row.operator_steps),
                decisions.strategy_place,
                "make the stage longer (training.steps, schedule.growth.params) or the operator phase shorter "
                "(growth.params)");
  row.phase_steps = row.operator_steps;
  const double expansion = growth::expansion_step_flops(plan);
  const StepShape everything = StepShape::everything(to.num_layers);
  for (int64_t step = row.start; step < row.start + row.operator_steps; ++step) {
    const StepSize& size = sizes.at(step);
    row.flops += step_flops(at_context(to, size.seq_len), everything, size.tokens) + expansion;
  }
}

// Walks the steps of a stage where the strategy shapes them (at most kMaxWalk of them, evenly spread).
void price_steps(const TrainingConfig& training, const StepSizes& sizes, growth::Strategy& strategy, Progress progress,
                 StageRow& row) {
  constexpr int64_t kMaxWalk = 4096;
  const bool shaped = strategy.shapes_steps();
  const int64_t steps = row.steps - row.operator_steps;
  const int64_t stride = shaped ? std::max<int64_t>(1, steps / kMaxWalk) : steps;
  if (steps <= 0) return;
  const std::vector<double> parts = sizes_of_parts(row.spec);
  StepShape largest = StepShape::everything(row.spec.num_layers);
  double flops = 0, layers = 0, most_layers = -1, visited = 0, in_phase = 0;
  for (int64_t at = row.operator_steps; at < row.steps; at += stride) {
    progress.step = row.start + at;
    progress.stage_step = at;
    StepShape shape = StepShape::everything(row.spec.num_layers);
    if (shaped) strategy.fill_step_shape(progress, row.spec, shape);
    const StepSize& size = sizes.at(progress.step);
    flops += step_flops(at_context(row.spec, size.seq_len), shape, size.tokens);
    const double running = std::accumulate(shape.run.begin(), shape.run.end(), 0.0);
    layers += running;
    in_phase += shape.phase != 0 ? 1 : 0;
    row.trainable_fraction = std::min(row.trainable_fraction, trainable_share(parts, shape));
    if (running > most_layers) most_layers = running, largest = std::move(shape);
    visited += 1;
  }
  row.memory_bytes = train_memory_bytes(row.spec, largest, training.micro_batch, training.dtype == "bf16" ? 2 : 4);
  row.flops += shaped ? flops / visited * static_cast<double>(steps)
                      : flops_of_steps(sizes, row.spec, StepShape::everything(row.spec.num_layers),
                                       row.start + row.operator_steps, row.start + row.steps);
  row.phase_steps += std::llround(in_phase / visited * static_cast<double>(steps));
  row.mean_layers = layers / visited;
}

// Of the steps from `first` on.
void price_lr(Schedule& lr, Progress progress, int64_t first, StageRow& row) {
  first = std::max(first, row.start);
  if (first >= row.start + row.steps) return;
  const auto at = [&](int64_t step) {
    progress.step = step;
    progress.stage_step = step - row.start;
    return lr.value(progress);
  };
  row.lr_first = at(first);
  row.lr_last = at(row.start + row.steps - 1);
  row.lr_max = std::max(row.lr_first, row.lr_last);
  const int64_t stride = std::max<int64_t>(1, row.steps / 256);
  for (int64_t step = first; step < row.start + row.steps; step += stride) row.lr_max = std::max(row.lr_max, at(step));
}

// The plan of the data mixture, and the tiers of each stage in its main phase.
void add_mixture(const Decisions& decisions, Progress progress, Timeline& timeline) {
  std::vector<MixtureStage> stages;
  for (const StageRow& row : timeline.stages) stages.push_back({row.start, row.steps, row.phase_steps, row.flops});
  timeline.mixture =
      plan_mixture(decisions, progress, stages, [&](int64_t step) { return decisions.sizes.tokens_before(step); });
  const bool planned = !timeline.mixture.empty();
  timeline.sources = decisions.mixed_sources;
  const auto num_tiers = static_cast<size_t>(decisions.num_tiers);
  for (StageRow& row : timeline.stages) {
    const int64_t last = row.start + row.steps - 1;
    if (last < timeline.resumed_step) continue;
    const int64_t step = std::min(std::max(row.start + row.phase_steps, timeline.resumed_step), last);
    if (planned) row.tier_weights = mixture_at(timeline.mixture, step).shares.tiers;
    if (!planned) row.tier_weights.assign(num_tiers, 1 / static_cast<double>(num_tiers));
  }
}

}  // namespace

Timeline make_timeline(const ModelSpec& final_spec, const TrainingConfig& training, int64_t total_steps, double lr_peak,
                       const Decisions& decisions, const TrainState* resumed) {
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
  // One that belongs to another configuration is refused elsewhere.
  if (resumed != nullptr && present_stage(*resumed) >= progress.num_stages) resumed = nullptr;
  int64_t present = -1;
  if (resumed != nullptr) {
    timeline.resumed_step = resumed->step;
    present = present_stage(*resumed);
    if (decisions.growth != nullptr && !reacts(*decisions.growth)) begin_as_happened(*resumed, starts);
  }
  starts.push_back(total_steps);
  for (int64_t stage = 0; stage < progress.num_stages; ++stage) {
    const auto i = static_cast<size_t>(stage);
    StageRow row;
    row.stage = stage;
    row.start = starts[i];
    row.steps = starts[i + 1] - starts[i];
    if (row.steps <= 0 && stage > present && timeline.resumed_step < total_steps)
      refuse_empty_stage(decisions, timeline, stage, progress.num_stages, row.start);
    row.steps = std::max<int64_t>(row.steps, 0);  // of a run that is over, or that went through a stage at once
    row.tokens = decisions.sizes.tokens_before(row.start + row.steps) - decisions.sizes.tokens_before(row.start);
    row.spec = decisions.strategy == nullptr ? final_spec : decisions.strategy->stage_spec(final_spec, stage);
    row.num_params = num_params(row.spec);
    progress.stage = stage;
    progress.stage_total_steps = row.steps;
    progress.step = row.start;
    progress.stage_step = 0;
    row.mean_layers = static_cast<double>(row.spec.num_layers);
    if (decisions.strategy != nullptr) {
      if (stage > 0) price_growth(decisions, timeline.stages.back().spec, growth_into(resumed, stage), row);
      price_steps(training, decisions.sizes, *decisions.strategy, progress, row);
    } else {
      const StepShape shape = StepShape::everything(row.spec.num_layers);
      row.flops = flops_of_steps(decisions.sizes, row.spec, shape, row.start, row.start + row.steps);
      row.memory_bytes = train_memory_bytes(row.spec, shape, training.micro_batch, training.dtype == "bf16" ? 2 : 4);
    }
    price_lr(*decisions.lr, progress, timeline.resumed_step, row);
    timeline.total_flops += row.flops;
    timeline.stages.push_back(std::move(row));
  }
  progress.total_flops = timeline.total_flops;
  progress.step = timeline.resumed_step;
  if (resumed != nullptr) progress.lr_previous = resumed->lr_previous;
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
    const bool behind = row.start + row.steps <= timeline.resumed_step;
    const std::string layers = row.mean_layers == static_cast<double>(row.spec.num_layers)
                                   ? std::to_string(row.spec.num_layers)
                                   : fmt::format("{:.1f}/{}", row.mean_layers, row.spec.num_layers);
    out +=
        fmt::format("{:>5} {:>8} {:>8} {:>8} {:>8} {:>7} {:>6} {:>8} {:>9} {:>5.0f}% {:>7}B  {:<21} {}\n",
                    row.stage + 1, row.start, row.steps, row.phase_steps == 0 ? "-" : std::to_string(row.phase_steps),
                    human_count(static_cast<double>(row.tokens)), layers, row.spec.d_model,
                    human_count(static_cast<double>(row.num_params)), human_count(row.flops),
                    100 * row.trainable_fraction, human_count(row.memory_bytes),
                    behind ? "-" : fmt::format("{:.1e}..{:.1e} ({:.1e})", row.lr_first, row.lr_last, row.lr_max),
                    fmt::join(tiers, " "));
  }
  return out +
         fmt::format("total {:>17} {:>17} {:>34} FLOPs\n", timeline.total_steps,
                     human_count(static_cast<double>(timeline.total_tokens)), human_count(timeline.total_flops)) +
         format_step_sizes(timeline.sizes) + format_mixture(timeline.mixture, timeline.sources, timeline.total_steps);
}

}  // namespace espalier
