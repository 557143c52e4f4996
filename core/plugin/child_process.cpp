#include "core/plugin/child_process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/base/error.h"

extern char** environ;

namespace espalier::plugin {
namespace {

void close_fd(int& fd) {
  if (const int old = std::exchange(fd, -1); old >= 0) ::close(old);
}

// Takes what is in the pipe now; false once the other end is closed.
bool drain(const Pipe& pipe, std::string& text) {
  constexpr size_t kMaxOutput = 64U << 20;
  std::array<char, 1U << 14> buffer;
  for (;;) {
    const ssize_t n = ::read(pipe.read_end(), buffer.data(), buffer.size());
    if (n > 0 && text.size() < kMaxOutput) text.append(buffer.data(), static_cast<size_t>(n));
    if (n == 0) return false;
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return errno == EAGAIN;
  }
}

}  // namespace

Pipe::Pipe() {
  if (::pipe2(ends_.data(), O_CLOEXEC) != 0)
    throw Error(ErrorCode::internal, fmt::format("cannot make a pipe: {}", ::strerror(errno)));
  ::fcntl(ends_[0], F_SETFL, O_NONBLOCK);
}

Pipe::~Pipe() {
  close_fd(ends_[0]);
  close_fd(ends_[1]);
}

void Pipe::close_write() {
  close_fd(ends_[1]);
}

pid_t spawn(const std::filesystem::path& exe, const std::vector<std::string>& arguments,
            const std::vector<std::pair<int, int>>& files) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawn_file_actions_init(&actions);
  for (const auto& [ours, theirs] : files) ::posix_spawn_file_actions_adddup2(&actions, ours, theirs);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  std::vector<std::string> texts{exe.string()};
  texts.insert(texts.end(), arguments.begin(), arguments.end());
  std::vector<char*> views;
  for (auto& text : texts) views.push_back(text.data());
  views.push_back(nullptr);
  pid_t child = 0;
  const int error = ::posix_spawn(&child, texts.front().c_str(), &actions, &attributes, views.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  errno = error;
  return error == 0 ? child : 0;
}

std::string describe_end(int status) {
  if (WIFSIGNALED(status)) {
    const char* name = ::sigabbrev_np(WTERMSIG(status));
    return fmt::format("crashed: signal {} (SIG{})", WTERMSIG(status), name == nullptr ? "?" : name);
  }
  return fmt::format("ended the process with exit code {}", WEXITSTATUS(status));
}

ChildEnd wait_for_child(pid_t child, Pipe& pipe, std::chrono::steady_clock::time_point deadline) {
  ChildEnd end;
  pipe.close_write();
  for (bool open = true;;) {
    // Left to be reaped, so that its process group keeps its number until the kill below.
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT);
    if (open) open = drain(pipe, end.output);  // after waitid: a child that has ended has written everything
    if (ended.si_pid == child) break;
    if (std::chrono::steady_clock::now() >= deadline) {
      end.timed_out = true;
      break;
    }
    pollfd ready{pipe.read_end(), POLLIN, 0};
    ::poll(&ready, open ? 1 : 0, 5);
  }
  ::kill(-child, SIGKILL);  // also what the child may have started
  if (end.timed_out) ::kill(child, SIGKILL);
  while (::waitpid(child, &end.status, 0) < 0 && errno == EINTR) continue;
  return end;
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace espalier::plugin
