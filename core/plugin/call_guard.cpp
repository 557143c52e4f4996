#include "core/plugin/call_guard.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <list>
#include <mutex>
#include <thread>
#include <vector>

#include "core/base/log.h"

namespace espalier::plugin {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::array kCrashes{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

// Handlers reach nothing but globals and thread-locals.
std::atomic<bool> g_on{false}, g_crashed{false};
std::array<struct sigaction, 65> g_before{};
thread_local GuardedCall* t_innermost = nullptr;

// A plugin that recurses for ever leaves no stack for the handler: each thread that calls plugins has a second one.
class HandlerStack {
 public:
  HandlerStack() : memory_(kSize) {
    stack_t stack{};
    if (::sigaltstack(nullptr, &stack) == 0 && (stack.ss_flags & SS_DISABLE) == 0) return;  // a sanitizer's, say
    stack = {};
    stack.ss_sp = memory_.data();
    stack.ss_size = memory_.size();
    ours_ = ::sigaltstack(&stack, nullptr) == 0;
  }
  ~HandlerStack() {
    stack_t none{};
    none.ss_flags = SS_DISABLE;
    if (ours_) ::sigaltstack(&none, nullptr);
  }

 private:
  static constexpr size_t kSize = size_t{64} << 10;
  std::vector<char> memory_;
  bool ours_ = false;
};

void on_crash(int signal, siginfo_t* info, void* context) {
  GuardedCall* call = t_innermost;
  if (call != nullptr && call->armed) {
    g_crashed = true;
    call->armed = false;
    call->signal = signal;
    siglongjmp(call->landing(), 1);
  }
  // Not in a plugin: as if we were not here.
  const struct sigaction& before = g_before[static_cast<size_t>(signal)];
  if ((before.sa_flags & SA_SIGINFO) != 0) return before.sa_sigaction(signal, info, context);
  if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) return before.sa_handler(signal);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

// A call that ends the process leads back to where it was made, before any handler of exit() has run.
void leave_guarded_call(int code) {
  GuardedCall* call = t_innermost;
  if (call == nullptr || !call->armed) return;
  g_crashed = true;
  call->armed = false;
  call->exit_code = code;
  siglongjmp(call->landing(), 1);
}

// Names calls that take long.
class Watchdog {
 public:
  static Watchdog& instance() {
    static Watchdog* const one =
        new Watchdog;  // never destroyed: threads may still call plugins while the process ends
    return *one;
  }

  void add(GuardedCall* call) {
    const std::lock_guard lock(mutex_);
    watched_.push_back({call, Clock::now(), patience_});
  }
  void remove(GuardedCall* call) {
    const std::lock_guard lock(mutex_);
    watched_.remove_if([&](const Watched& one) { return one.call == call; });
  }
  void start(std::chrono::milliseconds patience) {
    patience_ = patience;
    std::thread([this] {
      for (;;) {
        std::this_thread::sleep_for(patience_ / 30);
        look();
      }
    }).detach();
  }

 private:
  struct Watched {
    GuardedCall* call;
    Clock::time_point begin;
    Clock::duration next;
  };

  void look() {
    const std::lock_guard lock(mutex_);
    for (Watched& one : watched_) {
      const auto taken = Clock::now() - one.begin;
      if (taken < one.next) continue;
      one.next *= 2;
      log_warning("{} has been in {} for {} s", one.call->who(), one.call->what(),
                  std::chrono::duration_cast<std::chrono::seconds>(taken).count());
    }
  }

  std::chrono::milliseconds patience_{0};  // set before the first call is watched
  std::mutex mutex_;
  std::list<Watched> watched_;
};

}  // namespace

void guard_calls(std::chrono::milliseconds patience) {
  if (g_on.exchange(true)) return;
  struct sigaction action {};
  action.sa_sigaction = on_crash;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  ::sigemptyset(&action.sa_mask);
  for (const int signal : kCrashes) ::sigaction(signal, &action, &g_before[static_cast<size_t>(signal)]);
  Watchdog::instance().start(patience);
}

bool has_crashed() {
  return g_crashed;
}

GuardedCall::GuardedCall(const char* who, const char* what) : outer(t_innermost), who_(who), what_(what) {}

void GuardedCall::arm() {
  if (!g_on) return;
  thread_local const HandlerStack stack;
  (void)stack;
  Watchdog::instance().add(this);
  armed = true;
  t_innermost = this;
}

GuardedCall::~GuardedCall() {
  if (!g_on) return;
  armed = false;
  t_innermost = outer;
  Watchdog::instance().remove(this);
}

std::string GuardedCall::describe_end() {
  if (signal == 0) return fmt::format("called exit({})", exit_code);
  sigset_t only;
  ::sigemptyset(&only);
  ::sigaddset(&only, signal);
  ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  const char* name = ::sigabbrev_np(signal);
  return fmt::format("crashed: signal {} (SIG{})", signal, name == nullptr ? "?" : name);
}

}  // namespace espalier::plugin

// The program's own exit functions stand before those of the C library for every library in it, plugins among them.
// (core/app/CMakeLists.txt exports them.) Without a guarded call on the thread they do what the library's do.
extern "C" {

[[gnu::visibility("default")]] void exit(int code) noexcept {
  espalier::plugin::leave_guarded_call(code);
  reinterpret_cast<void (*)(int)>(::dlsym(RTLD_NEXT, "exit"))(code);
  __builtin_unreachable();
}

[[gnu::visibility("default")]] void quick_exit(int code) noexcept {
  espalier::plugin::leave_guarded_call(code);
  reinterpret_cast<void (*)(int)>(::dlsym(RTLD_NEXT, "quick_exit"))(code);
  __builtin_unreachable();
}

[[gnu::visibility("default")]] void _exit(int code) {
  espalier::plugin::leave_guarded_call(code);
  for (;;) ::syscall(SYS_exit_group, code);
}

[[gnu::visibility("default")]] void _Exit(int code) noexcept {
  ::_exit(code);
}
}
