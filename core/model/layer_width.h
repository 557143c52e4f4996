// What a step's gates leave of one layer's width: which key/value groups and hidden units run, and by what factor.
#pragma once

#include <cstdint>
#include <vector>

#include "core/model/spec.h"
#include "core/model/step_shape.h"

namespace espalier {

// One inner axis of a layer under its gates.
struct GatedAxis {
  std::vector<int64_t> kept;   // parts that run, ascending; empty where all of them do
  std::vector<float> factors;  // of the parts that run; empty where all are 1
  int64_t count = 0;           // parts that run
  bool none() const { return count == 0; }
};

struct LayerWidth {
  GatedAxis groups;  // key/value heads with their query heads; factors: one a query head of the groups that run
  GatedAxis units;   // hidden units of the MLP
};

// A group runs when any of its query heads has a gate other than 0.
LayerWidth layer_width(const ModelSpec& spec, const StepShape& shape, size_t layer);

}  // namespace espalier
