#include "core/app/signals.h"

#include <atomic>
#include <csignal>

namespace espalier {
namespace {

// A signal handler can reach nothing but a global; this is the process's only one.
std::atomic<bool> g_stop{false};

void on_signal(int signal) {
  if (g_stop.exchange(true)) {
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
}

}  // namespace

void install_stop_signals() {
  std::signal(SIGTERM, on_signal);
  std::signal(SIGINT, on_signal);
}

const std::atomic<bool>& stop_flag() {
  return g_stop;
}

}  // namespace espalier
