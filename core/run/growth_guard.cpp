#include "core/run/growth_guard.h"

#include <fmt/format.h>

#include "core/checkpoint/snapshot/checkpoint.h"

namespace espalier {
namespace {

int64_t step_before_growth(const TrainState& state) {
  return state.watch.step - state.lineage.back().operator_steps;
}

}  // namespace

std::optional<int64_t> guarded_step(const TrainState& state, const GrowthGuard& guard) {
  if (guard.bound == 0) return std::nullopt;
  if (state.operators) return state.operators->start;
  if (state.watch.watching && state.step - state.watch.step <= guard.after) return step_before_growth(state);
  return std::nullopt;
}

bool ran_away(const TrainState& state, const GrowthGuard& guard) {
  return guard.bound > 0 && !state.operators && state.watch.ran_away(state.step, guard.after, guard.bound);
}

void go_back(const fs::path& checkpoints, const TrainState& state, const GrowthGuard& guard) {
  const fs::path dir = roll_back(checkpoints, step_before_growth(state));
  throw Error(ErrorCode::diverged,
              fmt::format("{} steps after the growth at step {} the training loss is {:.4f}, more than {:g} above the "
                          "{:.4f} before it; the run went back to {}",
                          guard.after, state.watch.step, state.watch.loss(), guard.bound, state.watch.loss_before,
                          dir.string()),
              "growth.guard_bound", "resume with another growth strategy, a later stage or a lower learning rate");
}

}  // namespace espalier
