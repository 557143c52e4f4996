// A growth done again from what a checkpoint keeps of it, without the plugin.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/checkpoint/snapshot/checkpoint.h"

namespace espalier {

// Executes the plan of the last growth of `after` on the model and the moments of `before`, or those of the last
// growths where several came at once. `after` must be the checkpoint of that growth (no step since); `before` one of
// the step at which it began, or of the steps in which its operator was learned. `seed`: job.seed of the run. "step",
// "plans" (hashes), and what tensor_differences() says of `after` against the result, as "parameters" and "moments".
// Throws Error(checkpoint) naming what does not fit.
nlohmann::json replay_growth(const Found& before, const Found& after, uint64_t seed);
bool is_exact(const nlohmann::json& replay);
std::string replay_text(const nlohmann::json& replay);

}  // namespace espalier
