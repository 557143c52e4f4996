#include "core/plugin/probe.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <string.h>
#include <unistd.h>

#include <cerrno>
#include <span>

#include "core/base/error.h"
#include "core/base/text.h"
#include "core/plugin/child_process.h"
#include "core/plugin/library_image.h"

namespace espalier::plugin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// Starts the probe with nothing to read and nothing to say but its reports. Returns 0 when it cannot be started.
pid_t start(const std::filesystem::path& exe, const std::string& request, const Pipe& pipe) {
  const int nowhere = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  const pid_t child = spawn(exe, {"probe", request},
                            {{nowhere, STDIN_FILENO}, {pipe.write_end(), STDOUT_FILENO}, {nowhere, STDERR_FILENO}});
  const int error = errno;
  ::close(nowhere);
  errno = error;
  return child;
}

// Fills the status and plugins of the results from one run of the probe.
void run_probe(const std::filesystem::path& exe, std::span<ProbeResult*> results, milliseconds timeout) {
  const auto fail = [&](size_t from, const std::string& why) {
    for (size_t i = from; i < results.size(); ++i) results[i]->status = "could not be probed: " + why;
  };
  std::string request = std::to_string(timeout.count());
  for (const ProbeResult* result : results) request += "\n" + result->path.string();
  Pipe pipe;
  const pid_t child = start(exe, request, pipe);
  if (child == 0) return fail(0, fmt::format("{} does not start: {}", exe.string(), ::strerror(errno)));

  // The probe keeps the libraries' time; this only ends a probe that is itself stuck, on a disk or a debugger.
  constexpr auto kStart = std::chrono::minutes(5);
  const auto deadline = steady_clock::now() + kStart + results.size() * (timeout + std::chrono::seconds(1));
  const ChildEnd end = wait_for_child(child, pipe, deadline);
  const std::vector<std::string> reports = split(end.output, '\n');
  for (size_t i = 0; i < results.size(); ++i) {
    if (i + 1 >= reports.size())  // the last part follows the last line break
      return fail(i, fmt::format("{} {}", exe.string(), end.timed_out ? "does not answer" : end.describe()));
    try {
      read_report(reports[i], *results[i]);
    } catch (const Error& error) {
      results[i]->status = "could not be probed: " + error.message();
    }
  }
}

}  // namespace

std::vector<ProbeResult> probe_in_child(const std::filesystem::path& exe,
                                        const std::vector<std::filesystem::path>& libraries, milliseconds timeout) {
  std::vector<ProbeResult> results(libraries.size());
  std::vector<ProbeResult*> readable;
  for (size_t i = 0; i < libraries.size(); ++i) {
    results[i].path = std::filesystem::absolute(libraries[i]);
    try {
      results[i].sha256 = LibraryImage::read(libraries[i]).sha256;
      readable.push_back(&results[i]);
      if (libraries[i].string().find('\n') == std::string::npos) continue;
      readable.pop_back();
      results[i].status = "its path has a line break in it";
    } catch (const Error& error) {
      results[i].status = error.message();
    }
  }
  constexpr size_t kAtOnce = 16;  // the paths must fit into one argument
  for (size_t at = 0; at < readable.size(); at += kAtOnce)
    run_probe(exe, std::span(readable).subspan(at, std::min(kAtOnce, readable.size() - at)), timeout);
  return results;
}

ProbeResult probe_in_child(const std::filesystem::path& exe, const std::filesystem::path& library,
                           milliseconds timeout) {
  return probe_in_child(exe, std::vector{library}, timeout).front();
}

}  // namespace espalier::plugin
