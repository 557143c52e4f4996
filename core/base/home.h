// `~` in paths that no shell has seen: from a TOML file, an environment variable or after `--option=`.
#pragma once

#include <string>

namespace espalier {

// "~" and "~/x" with the home of this user: $HOME, else the password database. Everything else, also "~name", as it is.
std::string expand_home(const std::string& path);
// The same as an absolute path without "."; it need not exist. Empty stays empty.
std::string absolute_path(const std::string& path);

}  // namespace espalier
