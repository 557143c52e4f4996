#include "core/app/verbs.h"

namespace espalier {

void ConfigOptions::add(CLI::App& verb, bool with_config) {
  if (with_config) verb.add_option("config", config, "Configuration file (TOML)")->required();
  verb.add_option("--set", sets, "Override a key of the configuration: --set optimizer.lr=1e-3 (repeatable)")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  add_plugin_path(verb, plugin_paths);
}

void add_plugin_path(CLI::App& verb, std::vector<std::string>& paths) {
  verb.add_option("--plugin-path", paths, "Folder (or library) to search for plugins first (repeatable)")
      ->type_name("DIR")
      ->take_all()
      ->allow_extra_args(false);
}

}  // namespace espalier
