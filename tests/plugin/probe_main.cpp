// The smallest host: `plugin_probe_main plugin-probe LIBRARY` and `plugin_probe_main plugin-worker`, as the real
// binary's hidden verbs.
#include <string_view>

#include "core/plugin/probe.h"
#include "core/plugin/worker_process.h"

int main(int argc, char** argv) {
  if (argc == 2 && std::string_view(argv[1]) == "plugin-worker") espalier::plugin::run_plugin_worker();
  if (argc != 3 || std::string_view(argv[1]) != "plugin-probe") return 2;
  return espalier::plugin::run_plugin_probe(argv[2]);
}
