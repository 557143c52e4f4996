// Runs a checked plan: new weights, and the optimizer's moments by each assignment's policy. The inputs are only read,
// so that a failure leaves model and optimizer untouched.
#pragma once

#include <string>

#include "core/growth/plan.h"
#include "core/model/optim_state.h"
#include "core/model/param_table.h"

namespace espalier::growth {

struct Grown {
  ParamTable params;
  OptimState state;
};

// `seed` keys the plan's normal() nodes, together with `event` (the number of the growth event in this run).
// Throws Error(plugin, place = who) when a result is not finite.
Grown execute(const Plan& plan, const ModelSpec& to, const ParamTable& params, const OptimState& state, uint64_t seed,
              int64_t event, const std::string& who);

}  // namespace espalier::growth
