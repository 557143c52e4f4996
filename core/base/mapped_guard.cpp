#include "core/base/mapped_guard.h"

#include <fcntl.h>
#include <unistd.h>

#include <csetjmp>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <mutex>

#include "core/base/error.h"

namespace espalier {
namespace {

// Where a guarded read of this thread goes on after a fault; null: none is running.
thread_local sigjmp_buf* resume_at = nullptr;
struct sigaction before {};

uint64_t hex_digits(const char*& at) {
  uint64_t value = 0;
  for (;; ++at) {
    const char c = *at;
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
    if (digit < 0) return value;
    value = value << 4 | static_cast<uint64_t>(digit);
  }
}

// The path in a line of /proc/self/maps whose range holds the address; null: none, or not a file.
const char* path_in(const char* line, uint64_t address) {
  const char* at = line;
  const uint64_t begin = hex_digits(at);
  if (*at != '-') return nullptr;
  const uint64_t end = hex_digits(++at);
  return address >= begin && address < end ? std::strchr(at, '/') : nullptr;
}

void say(const char* text) {
  const ssize_t written = ::write(STDERR_FILENO, text, std::strlen(text));
  (void)written;
}

// Nothing but system calls and the stack: this runs inside a signal handler.
bool name_file_at(uint64_t address) {
  const int fd = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  char line[4608];
  size_t length = 0;
  bool named = false;
  char chunk[4096];
  for (ssize_t n = 0; !named && (n = ::read(fd, chunk, sizeof(chunk))) > 0;)
    for (ssize_t i = 0; i < n && !named; ++i) {
      if (chunk[i] != '\n') {
        if (length + 1 < sizeof(line)) line[length++] = chunk[i];
        continue;
      }
      line[length] = '\0';
      length = 0;
      if (const char* path = path_in(line, address)) {
        say("espalier: error: ");
        say(path);
        say(": the file became shorter while it was read, or its disk failed\n");
        named = true;
      }
    }
  ::close(fd);
  return named;
}

void on_bus_error(int signal, siginfo_t* info, void* context) {
  if (resume_at != nullptr) siglongjmp(*resume_at, 1);
  if (info != nullptr && name_file_at(reinterpret_cast<uintptr_t>(info->si_addr)))
    ::_exit(static_cast<int>(ErrorCode::data));
  if ((before.sa_flags & SA_SIGINFO) != 0 && before.sa_sigaction != nullptr)
    return before.sa_sigaction(signal, info, context);
  if (before.sa_handler != SIG_DFL && before.sa_handler != SIG_IGN) return before.sa_handler(signal);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

}  // namespace

void guard_maps() {
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction action {};
    action.sa_sigaction = on_bus_error;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    ::sigaction(SIGBUS, &action, &before);
  });
}

bool read_guarded(void (*read)(void*), void* argument) {
  sigjmp_buf here;
  // The mask is not saved: the handler leaves it as it is (SA_NODEFER), and saving it costs a system call.
  if (sigsetjmp(here, 0) != 0) {
    resume_at = nullptr;
    return false;
  }
  resume_at = &here;
  read(argument);
  resume_at = nullptr;
  return true;
}

}  // namespace espalier
