// What a checkpoint holds, for people and scripts.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/base/file.h"

namespace espalier {

// Reads and verifies a checkpoint and says what it is: "step", "tokens", "stage", "architecture", "num_params",
// "bytes" and "files" (bytes of each), "lineage" (as in the manifest; with `plans` each has "plan", a list of
// expressions), "plugins", "initial_weights", "left_out", "gates" and "operators" (steps done and to do of a growth
// operator being learned, or null). Throws Error(checkpoint).
nlohmann::json checkpoint_summary(const fs::path& dir, bool plans);
std::string summary_text(const nlohmann::json& summary);

}  // namespace espalier
