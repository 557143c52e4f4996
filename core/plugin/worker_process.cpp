#include "core/plugin/worker_process.h"

#include <fmt/format.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "core/plugin/child_process.h"

namespace espalier::plugin {
WorkerProcess::WorkerProcess(Settings settings, pid_t pid, Channel channel, std::shared_ptr<WorkerProcess> original)
    : settings_(std::move(settings)), pid_(pid), original_(std::move(original)), channel_(std::move(channel)) {}

std::shared_ptr<WorkerProcess> WorkerProcess::start(const std::filesystem::path& exe, const Settings& settings) {
  std::array<int, 2> ends{-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw Error(ErrorCode::internal, fmt::format("cannot make a socket: {}", ::strerror(errno)));
  Channel ours(ends[0]);
  const Channel theirs(ends[1]);
  const pid_t pid = spawn(exe, {"serve"}, {{ends[1], STDIN_FILENO}, {STDERR_FILENO, STDOUT_FILENO}});
  if (pid == 0)
    throw Error(ErrorCode::plugin,
                fmt::format("its process cannot be started: {}: {}", exe.string(), ::strerror(errno)), settings.who);
  return std::shared_ptr<WorkerProcess>(new WorkerProcess(settings, pid, std::move(ours), nullptr));
}

std::shared_ptr<WorkerProcess> WorkerProcess::fork(const std::shared_ptr<WorkerProcess>& original) {
  const std::lock_guard lock(original->mutex_);
  Channel::Frame frame = original->exchange(Message::fork, {}, "fork()");
  const auto pid = MessageReader(frame.payload).value<pid_t>();
  return std::shared_ptr<WorkerProcess>(new WorkerProcess(original->settings_, pid, Channel(frame.fd), original));
}

WorkerProcess::~WorkerProcess() {
  if (!gone_) end(/*by_itself=*/false);
}

std::string WorkerProcess::call(Message request, std::string_view payload, const char* what) {
  const std::lock_guard lock(mutex_);
  return exchange(request, payload, what).payload;
}

Channel::Frame WorkerProcess::exchange(Message request, std::string_view payload, const char* what) {
  if (gone_) throw Error(ErrorCode::plugin, "its process has ended", settings_.who);
  const auto deadline = std::chrono::steady_clock::now() + settings_.timeout;
  Channel::Frame frame;
  auto outcome = channel_.send(request, payload, deadline, settings_.stop);
  if (outcome == Channel::Outcome::done) outcome = channel_.receive(frame, deadline, settings_.stop);
  if (outcome == Channel::Outcome::done && frame.kind == Message::ok) return frame;
  if (outcome == Channel::Outcome::done) {
    MessageReader in(frame.payload);
    const auto code = in.value<ErrorCode>();
    const std::string message = in.text(), place = in.text();
    throw Error(code, message, place, in.text());
  }
  const std::string ended = end(outcome == Channel::Outcome::closed);
  if (outcome == Channel::Outcome::stopped)
    throw Error(ErrorCode::plugin, fmt::format("was stopped in {}", what), settings_.who);
  if (outcome == Channel::Outcome::timed_out)
    throw Error(ErrorCode::plugin,
                fmt::format("did not return from {} within {:g} s, the limit of {}.call_timeout", what,
                            static_cast<double>(settings_.timeout.count()) / 1000.0, settings_.table),
                settings_.who, fmt::format("raise {}.call_timeout if it only is slow", settings_.table));
  throw Error(
      ErrorCode::plugin, fmt::format("{} in {}", ended, what), settings_.who,
      fmt::format("report it to the plugin's author; {}.isolate = false runs it in this process", settings_.table));
}

std::string WorkerProcess::end(bool by_itself) {
  gone_ = true;
  channel_ = Channel();
  if (original_ == nullptr) return describe_end(end_child(pid_, -pid_, by_itself));
  try {
    MessageWriter out;
    out.value(pid_);
    out.value(by_itself);
    return describe_end(MessageReader(original_->call(Message::wait, out.bytes(), "wait()")).value<int>());
  } catch (const Error&) {
    return "ended";  // the original is gone too, and with it all that it knows
  }
}

int end_child(pid_t child, pid_t to_kill, bool by_itself) {
  // One that has closed its socket is about to end, and how it does is worth knowing.
  constexpr int kTries = 1000;
  for (int i = 0; i < kTries && by_itself; ++i) {
    siginfo_t ended{};
    ::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT);
    if (ended.si_pid == child) break;
    ::usleep(1000);
  }
  ::kill(to_kill, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) continue;
  return status;
}

}  // namespace espalier::plugin
