#include "core/base/home.h"

#include <pwd.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

namespace espalier {
namespace {

std::string home() {
  if (const char* given = std::getenv("HOME"); given != nullptr && *given != '\0') return given;
  const passwd* user = ::getpwuid(::getuid());
  return user == nullptr || user->pw_dir == nullptr ? "" : user->pw_dir;
}

}  // namespace

std::string expand_home(const std::string& path) {
  if (path != "~" && !path.starts_with("~/")) return path;
  const std::string folder = home();
  return folder.empty() ? path : folder + path.substr(1);
}

std::string absolute_path(const std::string& path) {
  if (path.empty()) return path;
  std::error_code failed;
  const auto absolute = std::filesystem::absolute(expand_home(path), failed);
  if (failed) return path;
  std::filesystem::path out;
  for (const auto& part : absolute)
    if (part != ".") out /= part;  // ".." stays: after a link it leads elsewhere than one name back
  return out.string();
}

}  // namespace espalier
