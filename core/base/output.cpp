#include "core/base/output.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <streambuf>

#include "core/base/error.h"

namespace espalier {
namespace {

// Writes to a descriptor that it does not own.
class DescriptorBuffer : public std::streambuf {
 public:
  DescriptorBuffer() { setp(room_.data(), room_.data() + room_.size()); }

  void lead_to(int fd) { fd_ = fd; }
  int fd() const { return fd_; }
  int error() const { return error_; }

 protected:
  int_type overflow(int_type next) override {
    if (sync() != 0) return traits_type::eof();
    if (traits_type::eq_int_type(next, traits_type::eof())) return traits_type::not_eof(next);
    *pptr() = traits_type::to_char_type(next);
    pbump(1);
    return next;
  }

  int sync() override {
    for (const char* at = pbase(); at < pptr();) {
      const ssize_t n = ::write(fd_, at, static_cast<size_t>(pptr() - at));
      if (n < 0 && errno == EINTR) continue;
      if (n <= 0) return error_ = errno, -1;
      at += n;
    }
    setp(room_.data(), room_.data() + room_.size());
    return 0;
  }

 private:
  std::array<char, 1U << 14> room_{};
  int fd_ = STDOUT_FILENO, error_ = 0;
};

// One for the process, as the descriptor itself.
struct Output {
  DescriptorBuffer buffer;
  std::ostream stream{&buffer};
  ~Output() { stream.flush(); }
};

Output& instance() {
  static Output one;
  return one;
}

}  // namespace

void take_standard_output() {
  Output& own = instance();
  if (own.buffer.fd() != STDOUT_FILENO) return;
  const int fd = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  own.buffer.lead_to(fd);  // -1 where it was closed: printing then fails, and goes to no file that is opened as 1 later
  if (fd >= 0) ::dup2(STDERR_FILENO, STDOUT_FILENO);
}

std::ostream& output() {
  return instance().stream;
}

void finish_output() {
  Output& own = instance();
  own.stream.flush();
  if (own.stream.good()) return;
  throw Error(ErrorCode::config, std::string("cannot write the output: ") + std::strerror(own.buffer.error()), "stdout",
              "write it to a file on a disk with space, or to a reader that stays until the end");
}

}  // namespace espalier
