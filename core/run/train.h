// One training run from configuration to final checkpoint.
#pragma once

#include <string>
#include <vector>

#include "core/run/config.h"

namespace espalier {

struct RunOptions {
  fs::path run_dir;  // empty: runs/<job.name>
  std::vector<std::string> plugin_paths, argv;
};

// Trains, or continues from the run folder's newest checkpoint ([checkpoint].resume). Returns normally when the run is
// finished or was saved on a signal. Throws Error.
void run_training(RunConfig config, const RunOptions& options);

}  // namespace espalier
