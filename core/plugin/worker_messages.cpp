#include "core/plugin/worker_messages.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <utility>

namespace espalier::plugin {
namespace {

struct Header {
  uint32_t kind, unused;
  uint64_t size;
};

}  // namespace

Channel::~Channel() {
  if (fd_ >= 0) ::close(fd_);
}

Channel& Channel::operator=(Channel&& other) noexcept {
  if (this != &other) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = other.release();
  }
  return *this;
}

int Channel::release() noexcept {
  return std::exchange(fd_, -1);
}

Channel::Outcome Channel::wait_for(short events, Deadline deadline, const std::atomic<bool>* stop) const {
  for (;;) {
    pollfd ready{fd_, events, 0};
    constexpr auto kPoll = std::chrono::milliseconds(100);  // how late a stop is noticed
    const auto left = deadline - std::chrono::steady_clock::now();
    const auto wait = left < kPoll ? std::chrono::ceil<std::chrono::milliseconds>(left) : kPoll;
    const int n = ::poll(&ready, 1, static_cast<int>(std::max<int64_t>(wait.count(), 0)));
    if (n > 0) return Outcome::done;
    if (n < 0 && errno != EINTR) return Outcome::closed;
    if (stop != nullptr && stop->load(std::memory_order_relaxed)) return Outcome::stopped;
    if (std::chrono::steady_clock::now() >= deadline) return Outcome::timed_out;
  }
}

Channel::Outcome Channel::send(Message kind, std::string_view payload, Deadline deadline, const std::atomic<bool>* stop,
                               int fd) {
  const Header header{static_cast<uint32_t>(kind), 0, payload.size()};
  const std::string_view first(reinterpret_cast<const char*>(&header), sizeof(header));
  size_t sent = 0;
  while (sent < first.size() + payload.size()) {
    const std::string_view part = sent < first.size() ? first.substr(sent) : payload.substr(sent - first.size());
    iovec piece{const_cast<char*>(part.data()), part.size()};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    if (fd >= 0 && sent == 0) {
      message.msg_control = control.data();
      message.msg_controllen = control.size();
      cmsghdr* along = CMSG_FIRSTHDR(&message);
      along->cmsg_level = SOL_SOCKET;
      along->cmsg_type = SCM_RIGHTS;
      along->cmsg_len = CMSG_LEN(sizeof(int));
      std::memcpy(CMSG_DATA(along), &fd, sizeof(int));
    }
    const ssize_t n = ::sendmsg(fd_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0) {
      sent += static_cast<size_t>(n);
    } else if (n < 0 && errno == EAGAIN) {
      if (const Outcome outcome = wait_for(POLLOUT, deadline, stop); outcome != Outcome::done) return outcome;
    } else if (n == 0 || errno != EINTR) {
      return Outcome::closed;
    }
  }
  return Outcome::done;
}

Channel::Outcome Channel::receive(Frame& frame, Deadline deadline, const std::atomic<bool>* stop) {
  Header header{};
  frame = {};
  size_t got = 0;
  while (got < sizeof(header) + frame.payload.size()) {
    char* to =
        got < sizeof(header) ? reinterpret_cast<char*>(&header) + got : frame.payload.data() + (got - sizeof(header));
    const size_t wanted = got < sizeof(header) ? sizeof(header) - got : frame.payload.size() - (got - sizeof(header));
    iovec piece{to, wanted};
    msghdr message{};
    message.msg_iov = &piece;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t n = ::recvmsg(fd_, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) {
      if (const Outcome outcome = wait_for(POLLIN, deadline, stop); outcome != Outcome::done) return outcome;
      continue;
    }
    if (n <= 0) return Outcome::closed;
    for (cmsghdr* along = CMSG_FIRSTHDR(&message); along != nullptr; along = CMSG_NXTHDR(&message, along))
      if (along->cmsg_level == SOL_SOCKET && along->cmsg_type == SCM_RIGHTS)
        std::memcpy(&frame.fd, CMSG_DATA(along), sizeof(int));
    got += static_cast<size_t>(n);
    if (got == sizeof(header)) {
      frame.kind = static_cast<Message>(header.kind);
      constexpr uint64_t kMaxFrame = uint64_t{1} << 36;
      if (header.size > kMaxFrame) return Outcome::closed;
      frame.payload.resize(header.size);
    }
  }
  return Outcome::done;
}

}  // namespace espalier::plugin
