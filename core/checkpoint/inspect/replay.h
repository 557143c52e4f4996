// A growth done again from what a checkpoint keeps of it, without the plugin.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/checkpoint/snapshot/checkpoint.h"

namespace espalier {

// Executes the plan of the last growth of `after` on the model and the moments of `before`. `after` must be the
// checkpoint of that growth (no step since), `before` that of the same step before it. `seed`: job.seed of the run.
// What tensor_differences() says of the result against `after`, as "parameters" and "moments". Throws Error(checkpoint)
// naming what does not fit.
nlohmann::json replay_growth(const Snapshot& before, const Snapshot& after, uint64_t seed);
bool is_exact(const nlohmann::json& replay);
std::string replay_text(const nlohmann::json& replay);

}  // namespace espalier
