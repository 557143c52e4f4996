// What a checkpoint holds, for people and scripts.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "core/checkpoint/snapshot/checkpoint.h"

namespace espalier {

// "checkpoint", "step", "tokens", "flops", "stage", "architecture", "num_params", "files" (bytes of each) and "bytes",
// "tensors" (of each safetensors file, by type: "tensors", "values", "bytes") and "types" (the same of all of them),
// "lineage" (as in the manifest, with "num_params" before and after; with `plans` each has "plan", a list of
// expressions), "plugins", "initial_weights", "left_out", "gates" (whether parts are still fading in) and "operators"
// ("stage", "start" and "done" of a growth operator being learned, or null). Throws Error(checkpoint), also for a plan
// that is not what stored_plan() takes.
nlohmann::json checkpoint_summary(const Found& checkpoint, bool plans);
std::string summary_text(const nlohmann::json& summary);

}  // namespace espalier
