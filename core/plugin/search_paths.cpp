#include "core/plugin/search_paths.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "core/base/error.h"
#include "core/base/home.h"
#include "core/base/log.h"
#include "core/base/text.h"

namespace espalier::plugin {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolder = "espalier/plugins";
constexpr const char* kConfigured = "[plugins].paths";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::vector<fs::path> libraries_in(const fs::path& path) {
  std::error_code ignored;
  if (!fs::is_directory(path, ignored)) return {path};
  std::vector<fs::path> found;
  for (fs::directory_iterator at(path, ignored), end; !ignored && at != end; at.increment(ignored))
    if (at->path().extension() == ".so" && !at->is_directory(ignored)) found.push_back(at->path());
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace

std::vector<SearchPath> search_paths(const std::vector<std::string>& arguments,
                                     const std::vector<std::string>& configured, const fs::path& prefix, bool resumed) {
  std::vector<SearchPath> paths;
  for (const std::string& path : arguments) paths.push_back({absolute_path(path), "--plugin-path " + path, true});
  for (const std::string& path : configured) paths.push_back({absolute_path(path), kConfigured, !resumed});
  for (const std::string& path : split(variable("ESPALIER_PLUGIN_PATH"), ':'))
    if (!path.empty()) paths.push_back({absolute_path(path), "ESPALIER_PLUGIN_PATH"});
  if (const std::string data = variable("XDG_DATA_HOME"); !data.empty())
    paths.push_back({fs::path(data) / kFolder, "XDG_DATA_HOME"});
  else if (const std::string home = variable("HOME"); !home.empty())
    paths.push_back({fs::path(home) / ".local/share" / kFolder, "HOME"});
  paths.push_back({shipped_folder(prefix), "the installation"});
  return paths;
}

fs::path shipped_folder(const fs::path& prefix) {
  return prefix / "lib" / kFolder;
}

fs::path worker_program() {
  std::error_code ignored;
  return fs::read_symlink("/proc/self/exe", ignored).parent_path() / "espalier-worker";
}

fs::path prefix_of(const fs::path& exe) {
  // Of /proc/self/exe the system knows the folder also when the file was replaced by a new build meanwhile.
  std::error_code none, ignored;
  const fs::path real = fs::read_symlink(exe, none);
  return fs::weakly_canonical(none ? exe : exe.parent_path() / real, ignored).parent_path().parent_path();
}

std::vector<fs::path> find_libraries(const std::vector<SearchPath>& paths) {
  std::vector<fs::path> out;
  std::set<fs::path> seen;
  for (const SearchPath& path : paths) {
    std::error_code ignored;
    if (!fs::exists(path.path, ignored)) {
      if (path.required)
        throw Error(ErrorCode::plugin, fmt::format("the plugin path {} does not exist", path.path.string()),
                    path.origin, "relative paths begin at the folder in which espalier was started");
      if (path.origin == kConfigured) log_warning("{}: {} does not exist any more", kConfigured, path.path.string());
      continue;
    }
    for (const fs::path& library : libraries_in(path.path))
      if (seen.insert(fs::weakly_canonical(library, ignored)).second) out.push_back(fs::absolute(library));
  }
  return out;
}

}  // namespace espalier::plugin
