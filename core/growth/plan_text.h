// A stored plan for people: each new parameter as an expression over the old ones.
#pragma once

#include <string>
#include <vector>

#include "core/growth/plan.h"

namespace espalier::growth {

// A line an assignment, in the order of the names: "layers.3.attn.q.weight = 0.5 * layers.1.attn.q.weight + ... |
// moments map". Parameters of one layer that are made alike are one line: "layers.3.* = layers.1.* (9 parameters)".
// What is too long or too deep for a line is cut with "...", so that the text is in proportion to the assignments
// whatever the plan. No control characters.
std::vector<std::string> plan_lines(const Plan& plan);

}  // namespace espalier::growth
