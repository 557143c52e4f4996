// A plugin of this process may crash, end the process or never come back. While a call into one runs, the guard knows
// which: a crash (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) and exit(), quick_exit() or _exit() become a text for an
// Error, so that the run can still save what is whole, and a call that does not return is named in the log. What it
// cannot catch: memory of the host that was overwritten without a fault, a system call made by hand, SIGKILL.
#pragma once

#include <chrono>
#include <csetjmp>
#include <string>

namespace espalier::plugin {

// Switches the guard on for this process; once, early, from its first thread. Without it run_guarded() only calls. Not
// for worker processes, whose parent tells how they end. A call is named in the log after `patience`, and each time as
// long again.
void guard_calls(std::chrono::milliseconds patience = std::chrono::seconds(30));

// Whether a guarded call has crashed. What a plugin holds may be in any state then: none of them is destroyed or
// unloaded any more.
bool has_crashed();

// Runs body() as the call `what` of the plugin `who`, both of which must live as long. Returns "" or how it ended
// otherwise: "crashed: signal 11 (SIGSEGV)", "called exit(0)". On any thread; calls may nest.
//
// What body() has on the stack below this function is not destroyed after a crash.
template <class Body>
std::string run_guarded(const char* who, const char* what, Body&& body);

// One call on the stack of its thread. Used by run_guarded() only.
class GuardedCall {
 public:
  GuardedCall(const char* who, const char* what);
  ~GuardedCall();
  GuardedCall(const GuardedCall&) = delete;
  GuardedCall& operator=(const GuardedCall&) = delete;

  sigjmp_buf& landing() { return landing_; }
  void arm();                  // the landing is set: from here on a crash leads to it
  std::string describe_end();  // after landing
  const char* who() const { return who_; }
  const char* what() const { return what_; }

  // For the handlers.
  int signal = 0, exit_code = 0;
  bool armed = false;
  GuardedCall* outer = nullptr;

 private:
  const char *who_, *what_;
  sigjmp_buf landing_;
};

template <class Body>
std::string run_guarded(const char* who, const char* what, Body&& body) {
  GuardedCall call(who, what);
  // The mask is not saved, which would cost a system call each time; describe_end() unblocks the signal.
  if (sigsetjmp(call.landing(), 0) != 0) return call.describe_end();
  call.arm();
  body();
  return {};
}

}  // namespace espalier::plugin
