// A stored plan for people: each new parameter as an expression over the old ones.
#pragma once

#include <string>
#include <vector>

#include "core/growth/plan.h"

namespace espalier::growth {

// A line an assignment, layer by layer: "layers.3.attn.q.weight = 0.5 * layers.1.attn.q.weight + ... | moments map".
// Parameters of one layer whose lines read alike are one: "layers.3.* = layers.1.* | moments map (9 parameters)". What
// is too long or too deep for a line is cut with "...", so that the text is in proportion to the assignments whatever
// the plan; two plans with the same text may still have different hashes. No control characters.
std::vector<std::string> plan_lines(const Plan& plan);

}  // namespace espalier::growth
