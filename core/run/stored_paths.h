// The paths of a configuration: what they mean, and how they are kept so that they mean the same later.
#pragma once

#include "core/run/config.h"

namespace espalier {

// "~/" of every path becomes the home folder.
void expand_homes(RunConfig& config);
// Every path becomes absolute, so that a run can be continued from any folder. Relative ones begin at the working
// directory.
void make_paths_absolute(RunConfig& config);

}  // namespace espalier
