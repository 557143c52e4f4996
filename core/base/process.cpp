#include "core/base/process.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

namespace espalier {
namespace {

void open_if_closed(int fd, int flags) {
  if (::fcntl(fd, F_GETFD) >= 0 || errno != EBADF) return;
  // The lowest free number is given: with those below it open, it is this one.
  const int opened = ::open("/dev/null", flags);
  if (opened != fd) std::_Exit(1);  // without /dev/null, anything that is opened could be taken for a stream
}

}  // namespace

void prepare_process() {
  open_if_closed(STDIN_FILENO, O_RDONLY);
  open_if_closed(STDOUT_FILENO, O_RDONLY);
  open_if_closed(STDERR_FILENO, O_WRONLY);
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGCHLD, SIG_DFL);
}

}  // namespace espalier
