// Runs a checked plan: new weights, and the optimizer's moments by each assignment's policy. The inputs are only read,
// so that a failure leaves model and optimizer untouched.
#pragma once

#include <map>
#include <string>

#include "core/growth/plan.h"
#include "core/model/optim_state.h"
#include "core/model/param_table.h"

namespace espalier::growth {

struct Grown {
  ParamTable params;
  OptimState state;
};

// Values of a plan's learned nodes, by name.
using Leaves = std::map<std::string, at::Tensor>;

// The leaves as they start, on the device and in the type of `params`.
Leaves initial_leaves(const Plan& plan, const ParamTable& params, uint64_t seed, int64_t event);

// The same values without a graph.
Leaves detached(const Leaves& leaves);

// The new weights as a differentiable function of the leaves; the old weights are constants.
ParamTable expand(const Plan& plan, const ModelSpec& to, const ParamTable& params, const Leaves& leaves, uint64_t seed,
                  int64_t event);

// `seed` keys the plan's normal() nodes, together with `event` (the number of the growth event in this run).
// Learned nodes have the values of `leaves`. Throws Error(plugin, place = who) when a result is not finite.
Grown execute(const Plan& plan, const ModelSpec& to, const ParamTable& params, const OptimState& state, uint64_t seed,
              int64_t event, const std::string& who, const Leaves& leaves = {});

}  // namespace espalier::growth
