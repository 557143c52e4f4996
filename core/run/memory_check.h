// Whether a run can fit at all, before anything of its size is allocated.
#pragma once

#include "core/device/device.h"
#include "core/train/timeline.h"

namespace espalier {

// Throws Error(config) when the weights and moments of the largest stage alone take more than the memory and swap of
// this machine: the system would end the process without a word. A GPU's memory is left to its own allocator.
void check_memory(const Timeline& timeline, const DeviceInfo& device);

}  // namespace espalier
