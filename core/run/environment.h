// env.json: what a run was made with, for whoever has to reproduce it.
#pragma once

#include <string>
#include <vector>

#include "core/device/device.h"

namespace espalier {

std::string environment_json(const DeviceInfo& device, const std::vector<std::string>& argv);
// "0.1.0".
const char* version();

}  // namespace espalier
