// Where plugins are looked for, and in which order.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace espalier::plugin {

struct SearchPath {
  std::filesystem::path path;  // a folder, or one library
  std::string origin;          // "--plugin-path", "[plugins].paths", "ESPALIER_PLUGIN_PATH", ...
  bool required = false;       // named by the user for this run: an error when it does not exist
};

// In order: `arguments` (--plugin-path), `configured` ([plugins].paths), ESPALIER_PLUGIN_PATH (separated by ':'),
// $XDG_DATA_HOME/espalier/plugins (~/.local/share where unset) and the shipped folder. "~" is the home; relative paths
// are made absolute. resumed: a run that goes on, whose configured paths are those of then and may be gone.
std::vector<SearchPath> search_paths(const std::vector<std::string>& arguments,
                                     const std::vector<std::string>& configured, const std::filesystem::path& prefix,
                                     bool resumed = false);
// <prefix>/lib/espalier/plugins: the plugins that come with Espalier.
std::filesystem::path shipped_folder(const std::filesystem::path& prefix);
// The parent of the folder that holds the program: /usr/local for /usr/local/bin/espalier.
std::filesystem::path prefix_of(const std::filesystem::path& exe);

// `espalier-worker`, beside this program: runs plugins in its place.
std::filesystem::path worker_program();

// The libraries (*.so) of the paths, in the order of the paths and by name within a folder, each file once.
// Throws Error(plugin, place = origin) for a required path that does not exist; another that the user named is logged.
std::vector<std::filesystem::path> find_libraries(const std::vector<SearchPath>& paths);

}  // namespace espalier::plugin
