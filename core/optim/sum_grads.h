// Gradients over all ranks.
#pragma once

#include "core/dist/comm.h"
#include "core/optim/adamw.h"

namespace espalier {

// Adds up every gradient over the ranks, in place. One that is undefined on all ranks stays so; undefined on some it
// counts as zero there.
void sum_grads(const Trainables& params, const Comm& comm);

}  // namespace espalier
