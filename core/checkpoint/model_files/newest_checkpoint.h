// The one reading of "the newest checkpoint": by step, damaged ones passed over. LATEST is a hint for people and
// scripts and plays no part.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/base/file.h"

namespace espalier {

// Reads a folder as far as the caller needs it; throws Error when it is damaged.
using OpenFolder = std::function<void(const fs::path& dir)>;

// The checkpoint of the highest step that `open` takes; it is called with one after the other from the newest on, and
// why it did not take one is added to `skipped`. Nothing when there is no checkpoint at all; Error(checkpoint) when
// `open` takes none of them.
std::optional<fs::path> newest_checkpoint(const fs::path& checkpoints_dir, const OpenFolder& open,
                                          std::vector<std::string>& skipped);

// The folder of the model that `path` names, which `open` was called with: `path` itself when it has a config.json,
// else newest_checkpoint() of the run in that folder (or of its folder `checkpoints`). Logs which one it is and what
// was skipped. Nothing when there is no model; what `open` throws, or Error(checkpoint), when there is no whole one.
std::optional<fs::path> open_model(const fs::path& path, const OpenFolder& open);

}  // namespace espalier
