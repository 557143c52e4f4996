// The program that runs plugins in the host's place: `espalier-worker probe LIBRARY` says what a library holds,
// `espalier-worker serve` answers the requests that come over its standard input.
#include <string_view>

#include "core/base/process.h"
#include "core/plugin/probe.h"
#include "core/plugin/worker_process.h"

int main(int argc, char** argv) {
  espalier::prepare_process();
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (argc == 2 && what == "serve") espalier::plugin::run_plugin_worker();
  if (argc == 3 && what == "probe") return espalier::plugin::run_plugin_probe(argv[2]);
  return 2;
}
