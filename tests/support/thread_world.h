// A world of several ranks in one process, each a thread: what a real backend does, without a network.
#pragma once

#include <cstdint>
#include <functional>

#include "core/dist/comm.h"

namespace espalier {

// Calls `rank` on `world_size` threads, each with the Comm of its rank, and waits for all of them. A rank that ends by
// an exception breaks the connection of the others, as a process that dies would; then the exception of the lowest rank
// that failed of itself is thrown.
void run_ranks(int64_t world_size, const std::function<void(const Comm&)>& rank);

}  // namespace espalier
