// Where a run is, in the words of the ABI. The one translation, for growth strategies and schedules alike.
#pragma once

#include <espalier/plugin.h>

#include "core/growth/strategy.h"

namespace espalier::plugin {

esp_progress to_abi(const Progress& progress);

}  // namespace espalier::plugin
