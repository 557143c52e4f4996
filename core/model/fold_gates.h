// Gates worked into the weights: a plain model that computes what a gated one does.
#pragma once

#include <optional>

#include "core/model/param_table.h"
#include "core/model/step_shape.h"

namespace espalier {

struct FoldedModel {
  ModelSpec spec;  // norm_eps may differ
  ParamTable params;
};

// The model whose plain run gives what `params` give under the scales and gates of `shape` (its `run` is not looked
// at), exactly but for rounding. Scales, heads and hidden units become factors on the weights that read them. A stream
// gate g goes into an RMSNorm: the stream carries sqrt(g) x, so that its mean square is the weighted one but for
// sum(g) / d_model, which the gains and norm_eps take. Nothing where that cannot be: a LayerNorm under a stream gate
// takes its mean over all dimensions, and a gate below 0 has no root.
std::optional<FoldedModel> fold_gates(const ModelSpec& spec, const ParamTable& params, const StepShape& shape);

}  // namespace espalier
