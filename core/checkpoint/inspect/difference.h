// In what two checkpoints differ.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/checkpoint/snapshot/checkpoint.h"

namespace espalier {

// "equal"; "architecture", "config", "plugins" and "state" (a list of texts, one a difference; "state" is all else that
// a run goes on from); "parameters" and "moments": "equal" (how many are, bit for bit), "only_first", "only_second",
// "other_shape" (names), and "different": by name "max" (the largest |b - a|), "relative" (|b - a| / |a| in L2), and
// "equal_values" of "values". Throws Error(checkpoint).
nlohmann::json checkpoint_difference(const Found& first, const Found& second);
std::string difference_text(const nlohmann::json& difference);

}  // namespace espalier
