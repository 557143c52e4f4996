// The smallest host: `plugin_probe_main plugin-probe LIBRARY`, as the real binary's hidden verb.
#include <string_view>

#include "core/plugin/probe.h"

int main(int argc, char** argv) {
  if (argc != 3 || std::string_view(argv[1]) != "plugin-probe") return 2;
  return espalier::plugin::run_plugin_probe(argv[2]);
}
