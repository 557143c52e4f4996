// Looking into plugin libraries from a safe distance: a child process loads them and reports what they offer, so that a
// library that crashes, hangs or exits while loading costs one line in a list and nothing else.
//
//   this process --exec--> espalier-worker --fork--> one process for each library
//
// Starting the binary is slow (it may carry a large tensor library), forking it is not; and the time limit of a library
// does not count the start.
#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include "core/plugin/plugin_info.h"

namespace espalier::plugin {

struct ProbeResult {
  std::filesystem::path path;
  std::string sha256;
  std::string status = "ok";  // or the reason, as a sentence
  std::vector<PluginInfo> plugins;

  bool ok() const { return status == "ok"; }
};

inline constexpr std::chrono::milliseconds kProbeTimeout = std::chrono::seconds(10);

// Runs `<exe> probe <request>` over the libraries; never throws for what they do. A library that is not loaded
// after `timeout` is killed with everything it started. Results in the order of the libraries.
std::vector<ProbeResult> probe_in_child(const std::filesystem::path& exe,
                                        const std::vector<std::filesystem::path>& libraries,
                                        std::chrono::milliseconds timeout = kProbeTimeout);
ProbeResult probe_in_child(const std::filesystem::path& exe, const std::filesystem::path& library,
                           std::chrono::milliseconds timeout = kProbeTimeout);

// The child's side, `espalier-worker probe`. `request` is the path of one library, or, as
// probe_in_child() sends it, the time limit in milliseconds and the paths, a line each. Prints a report a line on the
// standard output; what the libraries print goes nowhere. Returns the exit code, 0 also for libraries that fail.
int run_plugin_probe(const std::string& request);

// One report: what the child prints and the cache keeps; a line of JSON. read_report fills status, plugins
// and the hash of what was loaded, and throws Error(plugin) for other text.
std::string write_report(const ProbeResult& result);
void read_report(const std::string& text, ProbeResult& result);

}  // namespace espalier::plugin
