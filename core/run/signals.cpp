#include "core/run/signals.h"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>

namespace espalier {
namespace {

constexpr const char* kTraining = "a training step; what was trained since the last checkpoint is lost";

// A signal handler can reach nothing but globals; these are the process's only ones.
std::atomic<bool> g_stop{false}, g_save{false}, g_asked{false};
std::atomic<int> g_signal{0};
std::atomic<const char*> g_doing{kTraining};

const char* name_of(int signal) {
  switch (signal) {
    case SIGTERM:
      return "SIGTERM";
    case SIGINT:
      return "SIGINT";
    case SIGHUP:
      return "SIGHUP";
    case SIGXCPU:
      return "SIGXCPU";
    default:
      return "SIGPIPE";
  }
}

// Only write(2) may be called here. What cannot be written is nobody's business.
void say(const char* text) {
  for (size_t left = std::strlen(text); left > 0;) {
    const ssize_t n = ::write(STDERR_FILENO, text, left);
    if (n <= 0) return;
    text += n;
    left -= static_cast<size_t>(n);
  }
}

void on_stop(int signal) {
  const int error = errno;
  int none = 0;
  g_signal.compare_exchange_strong(none, signal);
  g_stop = true;
  if ((signal == SIGTERM || signal == SIGINT) && g_asked.exchange(true)) {
    say("espalier: a second ");
    say(name_of(signal));
    say(" ends the run at once, in the middle of ");
    say(g_doing);
    say("\n");
    std::signal(signal, SIG_DFL);
    std::raise(signal);
  }
  errno = error;
}

void on_save(int) {
  g_save = true;
}

void install(int signal, void (*handler)(int)) {
  struct sigaction action {};
  if (::sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN) return;
  action = {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  ::sigemptyset(&action.sa_mask);
  ::sigaction(signal, &action, nullptr);
}

}  // namespace

void install_save_signal() {
  install(SIGUSR1, on_save);
}

void install_stop_signals() {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGXCPU, SIGPIPE}) install(signal, on_stop);
}

const std::atomic<bool>& stop_flag() {
  return g_stop;
}

const char* stop_reason() {
  const int signal = g_signal;
  if (signal == 0) return "";
  return signal == SIGPIPE ? "SIGPIPE: the reader of the log has gone" : name_of(signal);
}

bool take_save_request() {
  return g_save.exchange(false);
}

Doing::Doing(const char* what) : before_(g_doing.exchange(what)) {}

Doing::~Doing() {
  g_doing = before_;
}

}  // namespace espalier
