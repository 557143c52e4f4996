// What signals ask of a run: to save and stop (SIGTERM, SIGINT, SIGHUP, SIGXCPU, and SIGPIPE where the reader of the
// log has gone), or to save and go on (SIGUSR1). Those that the process was started with ignored, as nohup and shells
// do, stay ignored.
#pragma once

#include <atomic>

namespace espalier {

// From here on SIGUSR1 asks for a checkpoint after the step at hand, or after the first one.
void install_save_signal();
// From here on the others ask the run to stop. A second SIGTERM or SIGINT ends the process at once and says what it
// interrupts; a terminal or a scheduler may send the others several times for one reason.
void install_stop_signals();
// True once a signal came that stops the run; plugins poll it too.
const std::atomic<bool>& stop_flag();
// Which one: "SIGTERM", "SIGPIPE: the reader of the log has gone"; empty when none has come.
const char* stop_reason();
// Whether SIGUSR1 has come since the last call.
bool take_save_request();

// What the process is in the middle of, for whoever ends it: "saving a checkpoint; the one before it stays". Text with
// static storage; on the training thread.
class Doing {
 public:
  explicit Doing(const char* what);
  ~Doing();
  Doing(const Doing&) = delete;
  Doing& operator=(const Doing&) = delete;

 private:
  const char* before_;
};

}  // namespace espalier
