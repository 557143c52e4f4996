// Looking into a plugin's library from a safe distance: a child process loads it and reports what it offers, so that a
// library that crashes, hangs or exits while loading costs one line in a list and nothing else.
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

// Runs `<exe> plugin-probe <library>` and reads its report; never throws for what the library does. After `timeout` the
// child is killed with everything it started. May run on several threads at once.
ProbeResult probe_in_child(const std::filesystem::path& exe, const std::filesystem::path& library,
                           std::chrono::milliseconds timeout = std::chrono::seconds(10));

// The child's side, behind the verb `plugin-probe`: loads the library and prints its report on the standard output.
// What the library itself prints goes to the standard error. Returns the exit code, 0 also for a library that is
// refused.
int run_plugin_probe(const std::string& library);

// The report as text: what the child prints and the cache keeps. read_report throws Error(plugin) for other text.
std::string write_report(const ProbeResult& result);
void read_report(const std::string& text, ProbeResult& result);

}  // namespace espalier::plugin
