// The plan of a growth as a checkpoint keeps it.
#pragma once

#include "core/base/file.h"
#include "core/growth/plan.h"
#include "core/train/state.h"

namespace espalier {

// The plan of `event`, which the checkpoint in `dir` holds: its bytes have their hash, are a plan from the one model to
// the other, and beside them lie exactly the leaves that it learned, in their shapes. Throws Error(checkpoint) at the
// file.
growth::Plan stored_plan(const GrowthEvent& event, const fs::path& dir);

}  // namespace espalier
