#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "core/base/error.h"
#include "core/plugin/library.h"
#include "core/plugin/probe.h"

namespace espalier::plugin {
namespace {

using nlohmann::json;

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    text.remove_prefix(static_cast<size_t>(n));
  }
  return true;
}

}  // namespace

std::string write_report(const ProbeResult& result) {
  json report{{"status", result.status}, {"plugins", json::array()}};
  for (const PluginInfo& info : result.plugins) report["plugins"].push_back(json::parse(to_json(info)));
  // A status may quote bytes of the library: keep the report valid whatever they are.
  return report.dump(-1, ' ', false, json::error_handler_t::replace);
}

void read_report(const std::string& text, ProbeResult& result) {
  try {
    const json report = json::parse(text);
    result.status = report.at("status").get<std::string>();
    result.plugins.clear();
    for (const json& info : report.at("plugins")) result.plugins.push_back(from_json(info.dump()));
  } catch (const json::exception& error) {
    throw Error(ErrorCode::plugin, std::string("unreadable report of a probe: ") + error.what());
  }
}

int run_plugin_probe(const std::string& library) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // no orphan when the parent is killed
  const int report_fd = ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
  if (report_fd < 0 || ::dup2(STDERR_FILENO, STDOUT_FILENO) < 0) return 1;
  ProbeResult result;
  try {
    const auto loaded = PluginLibrary::open(library);
    result.plugins = loaded->plugins();
  } catch (const Error& error) {
    result.status = error.message() + (error.hint().empty() ? "" : "; " + error.hint());
  } catch (const std::exception& error) {
    result.status = error.what();
  }
  return write_all(report_fd, write_report(result)) ? 0 : 1;
}

}  // namespace espalier::plugin
