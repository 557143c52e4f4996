// [growth].guard_bound: the run goes back to before a growth whose loss ran away.
#pragma once

#include <optional>

#include "core/base/file.h"
#include "core/train/trainer.h"

namespace espalier {

// The step whose checkpoint must stay, and be that of before the growth: while the guard has not decided.
std::optional<int64_t> guarded_step(const TrainState& state, const GrowthGuard& guard);
// The state stands where the guard decides, and the loss has run away.
bool ran_away(const TrainState& state, const GrowthGuard& guard);
// Makes the checkpoint of before the growth the newest again. Always throws: Error(diverged) once it is, else
// Error(checkpoint).
[[noreturn]] void go_back(const fs::path& checkpoints, const TrainState& state, const GrowthGuard& guard);

}  // namespace espalier
