// In what two checkpoints differ.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/base/file.h"

namespace espalier {

// "equal"; "architecture", "config" and "plugins" (a list of texts, one a difference); "parameters" and "moments":
// "equal" (how many are, bit for bit), "only_first", "only_second", "other_shape" (names), and "different": by name
// "max" (the largest |b - a|) and "relative" (|b - a| / |a| in L2). Throws Error(checkpoint).
nlohmann::json checkpoint_difference(const fs::path& first, const fs::path& second);
std::string difference_text(const nlohmann::json& difference);

}  // namespace espalier
