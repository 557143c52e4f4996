// Moments of a parameter as gradients move, where its own expression says how: W' = M W, whose gradients obey G = M^T
// G', so that what was accumulated for W belongs to W' as the smallest such G' = (M^+)^T G. Of k plain copies each gets
// G / k; a part that was shared out by factors of 1 / k among k copies gives each the whole of G.
#pragma once

#include "core/growth/execute.h"

namespace espalier::growth {

// exp_avg through (M^+)^T, exp_avg_sq through the squares of its coefficients; step stays 0. REQUIRES: the node's form
// is constant, copies or product. Of a product only constant matrices are inverted (in fp64, O(n^3)); they should have
// independent columns, or what they drop is lost. Arguments as of execute().
AdamMoments like_gradient(const Plan& plan, NodeId value, const ParamTable& params, const OptimState& state,
                          const Leaves& leaves, uint64_t seed, int64_t event);

}  // namespace espalier::growth
