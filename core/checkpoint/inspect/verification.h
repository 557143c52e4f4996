// Whether a checkpoint is whole, more closely than a resume looks.
#pragma once

#include "core/base/file.h"

namespace espalier {

// Every file against its sha256, every tensor against the architecture, moments against parameters; and of each growth
// the stored plan against its hash, as a plan from the one model to the other, with the leaves that it learned. Throws
// Error(checkpoint) naming what is at fault.
void verify_closely(const fs::path& dir);

}  // namespace espalier
