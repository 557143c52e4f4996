// SIGTERM and SIGINT ask the run to save and stop; a second one ends the process at once.
#pragma once

#include <atomic>

namespace espalier {

void install_stop_signals();
// True once a signal came; plugins poll it too.
const std::atomic<bool>& stop_flag();

}  // namespace espalier
