#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/plugin/child_process.h"
#include "core/plugin/library.h"
#include "core/plugin/probe.h"

namespace espalier::plugin {
namespace {

ProbeResult look_into(const std::string& library) {
  ProbeResult result;
  result.path = library;
  try {
    const auto opened = PluginLibrary::open(library);
    result.sha256 = opened->sha256();
    result.plugins = opened->plugins();
  } catch (const Error& error) {
    result.status = error.message() + (error.hint().empty() ? "" : "; " + error.hint());
  } catch (const std::exception& error) {
    result.status = error.what();
  }
  return result;
}

// The process of one library: no output but the report, in a group of its own, gone when the probe is.
[[noreturn]] void look_and_end(const std::string& library, const Pipe& pipe, int report_fd) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::close(report_fd);
  if (const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC); nowhere >= 0)
    for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) ::dup2(nowhere, fd);
  const bool written = write_all(pipe.write_end(), write_report(look_into(library)));
  ::_exit(written ? 0 : 1);
}

ProbeResult look_from_afar(const std::string& library, std::chrono::milliseconds timeout, int report_fd) {
  ProbeResult result;
  Pipe pipe;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  const pid_t child = ::fork();
  if (child == 0) look_and_end(library, pipe, report_fd);
  if (child < 0) {
    result.status = fmt::format("could not be probed: no further process can be made: {}", ::strerror(errno));
    return result;
  }
  ::setpgid(child, child);  // here too: whichever of the two comes first
  const ChildEnd end = wait_for_child(child, pipe, deadline);
  if (end.timed_out)
    result.status = fmt::format("timed out: not loaded after {:g} s", static_cast<double>(timeout.count()) / 1000.0);
  else if (!end.well() || end.output.empty())
    result.status = end.describe() + (end.describe().starts_with("ended") ? " while it was loaded" : "");
  else
    read_report(end.output, result);
  return result;
}

}  // namespace

int run_plugin_probe(const std::string& request) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // no orphan when the parent is killed
  // What a library prints must not mix with the reports.
  const int report_fd = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  if (report_fd < 0 || ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return 1;
  const std::vector<std::string> lines = split(request, '\n');
  if (lines.size() == 1) return write_all(report_fd, write_report(look_into(request)) + "\n") ? 0 : 1;
  const std::chrono::milliseconds timeout(::strtoll(lines[0].c_str(), nullptr, 10));
  for (size_t i = 1; i < lines.size(); ++i) {
    ProbeResult result;
    try {
      result = look_from_afar(lines[i], timeout, report_fd);
    } catch (const Error& error) {
      result.status = error.message();
    }
    if (!write_all(report_fd, write_report(result) + "\n")) return 1;
  }
  return 0;
}

}  // namespace espalier::plugin
