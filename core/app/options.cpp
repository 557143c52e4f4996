#include "core/app/verbs.h"

namespace espalier {

void ConfigOptions::add(Command verb, bool with_config) {
  if (with_config) verb.add("config", config, "Configuration file (TOML)").required();
  verb.add("--set", sets, "Override a key of the configuration: --set optimizer.lr=1e-3 (repeatable)")
      .type_name("KEY=VALUE")
      .repeatable();
  add_plugin_path(verb, plugin_paths);
}

void add_plugin_path(Command verb, std::vector<std::string>& paths) {
  verb.add("--plugin-path", paths, "Folder (or library) to search for plugins first (repeatable)")
      .type_name("DIR")
      .repeatable();
}

}  // namespace espalier
