#include "core/plugin/probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "core/base/error.h"
#include "core/base/file.h"

extern char** environ;

namespace espalier::plugin {
namespace {

using Clock = std::chrono::steady_clock;

class Pipe {
 public:
  Pipe() {
    if (::pipe2(ends_.data(), O_CLOEXEC) != 0)
      throw Error(ErrorCode::internal, fmt::format("cannot make a pipe: {}", ::strerror(errno)));
    ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
  }
  ~Pipe() {
    close_end(0);
    close_end(1);
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void close_write() { close_end(1); }

 private:
  void close_end(size_t end) {
    if (const int fd = std::exchange(ends_[end], -1); fd >= 0) ::close(fd);
  }
  std::array<int, 2> ends_{-1, -1};
};

// Starts the child in a process group of its own, with a clean signal mask, nothing to read and nothing to say but the
// report. Returns 0 when it cannot be started.
pid_t start(const std::filesystem::path& exe, const std::filesystem::path& library, const Pipe& pipe) {
  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&files, pipe.write_end(), STDOUT_FILENO);
  ::posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::string program = exe.string(), verb = "plugin-probe", path = library.string();
  std::array<char*, 4> arguments{program.data(), verb.data(), path.data(), nullptr};
  pid_t child = 0;
  if (::posix_spawn(&child, program.c_str(), &files, &attributes, arguments.data(), environ) != 0) child = 0;
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&files);
  return child;
}

// Takes what is in the pipe now; false once the other end is closed.
bool drain(const Pipe& pipe, std::string& text) {
  constexpr size_t kMaxReport = 16U << 20;
  std::array<char, 1U << 14> buffer;
  for (;;) {
    const ssize_t n = ::read(pipe.read_end(), buffer.data(), buffer.size());
    if (n > 0 && text.size() < kMaxReport) text.append(buffer.data(), static_cast<size_t>(n));
    if (n == 0) return false;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
  }
}

// False when the time was up before the child ended. Collects its report meanwhile; leaves it to be reaped, so that its
// process group keeps its number.
bool wait_for(pid_t child, const Pipe& pipe, Clock::time_point deadline, std::string& report) {
  bool open = true;
  for (;;) {
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT);
    if (open) open = drain(pipe, report);  // after waitid: a child that has ended has written everything
    if (ended.si_pid == child) return true;
    if (Clock::now() >= deadline) return false;
    pollfd ready{pipe.read_end(), POLLIN, 0};
    ::poll(&ready, open ? 1 : 0, 5);
  }
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) {
    const char* name = ::sigabbrev_np(WTERMSIG(status));
    return fmt::format("crashed: signal {} (SIG{})", WTERMSIG(status), name == nullptr ? "?" : name);
  }
  return fmt::format("ended the process with exit code {} while it was loaded", WEXITSTATUS(status));
}

std::string run_child(const std::filesystem::path& exe, const std::filesystem::path& library,
                      std::chrono::milliseconds timeout, ProbeResult& result) {
  Pipe pipe;
  const Clock::time_point deadline = Clock::now() + timeout;
  const pid_t child = start(exe, library, pipe);
  if (child == 0) return fmt::format("could not be probed: {} does not start", exe.string());
  pipe.close_write();
  std::string report;
  const bool ended = wait_for(child, pipe, deadline, report);
  int status = 0;
  ::kill(-child, SIGKILL);  // also what the library may have started
  ::waitpid(child, &status, 0);
  if (!ended) return fmt::format("timed out: not loaded after {:g} s", static_cast<double>(timeout.count()) / 1000.0);
  if (WIFSIGNALED(status) || WEXITSTATUS(status) != 0 || report.empty()) return describe_end(status);
  read_report(report, result);
  return result.status;
}

}  // namespace

ProbeResult probe_in_child(const std::filesystem::path& exe, const std::filesystem::path& library,
                           std::chrono::milliseconds timeout) {
  ProbeResult result;
  result.path = library;
  try {
    result.sha256 = sha256_file(library, ErrorCode::plugin);
    result.status = run_child(exe, library, timeout, result);
  } catch (const Error& error) {
    result.status = error.message();
  }
  if (!result.ok()) result.plugins.clear();
  return result;
}

}  // namespace espalier::plugin
