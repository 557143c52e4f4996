// Learning a growth operator before the growth: the leaves of a plan are trained through the larger model that they
// make of the smaller one, which stays fixed (Wang et al. 2023, LiGO, section 3).
#pragma once

#include <functional>
#include <string>

#include "core/growth/execute.h"
#include "core/model/forward.h"
#include "core/optim/adamw.h"

namespace espalier {

struct OperatorPhase {
  growth::Plan plan;      // without nodes just after loading a checkpoint, until the strategy has made it again
  std::string plan_hash;  // of that plan
  ModelSpec to;
  int64_t stage = 0, start = 0;  // the stage that it leads to; the run's step at which it began
  int64_t done = 0;              // finished operator steps
  growth::Leaves leaves;
  OptimState optim;  // by leaf name

  const growth::Learning& learning() const { return *plan.learning; }
  bool finished() const { return done == learning().steps; }
};

// Leaves at their initial values, ready to collect gradients.
OperatorPhase begin_operator_phase(growth::Plan plan, const ModelSpec& to, int64_t stage, int64_t step,
                                   const ParamTable& params, uint64_t seed, int64_t event);

// Gradients of the leaves for one step: `backward(large)` runs forward and backward of the larger model on all
// micro-batches, adding gradients to its parameters; it returns false when there is no more data, and so does this.
// The expansion runs once a step, whatever the number of micro-batches.
bool operator_gradients(OperatorPhase& phase, const ParamTable& small, uint64_t seed, int64_t event,
                        const std::function<bool(const ParamTable& large)>& backward);
// Clips, then updates the leaves. The caller has checked that loss and norm are finite in between.
double clip_operator_gradients(const OperatorPhase& phase);
double update_operators(OperatorPhase& phase);  // returns the learning rate used

// FLOPs of one operator step: the larger model's step, and the expansion forwards and backwards.
double operator_step_flops(const growth::Plan& plan, const ModelSpec& to, int64_t tokens);

}  // namespace espalier
