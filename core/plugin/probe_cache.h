// Remembers what probing found, by the content of the library: $XDG_CACHE_HOME/espalier/plugins-v0.json.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "core/plugin/probe.h"

namespace espalier::plugin {

// ESPALIER_PLUGIN_CACHE, else $XDG_CACHE_HOME/espalier/plugins-v0.json, else the same below ~/.cache; empty where no
// home is known.
std::filesystem::path default_probe_cache();

// Only libraries that probed well are kept: a failure may have been the machine's, so it is tried again. The key holds
// the file's SHA-256, our ABI minor and our version. A cache that cannot be read or written is the same as an empty
// one.
class ProbeCache {
 public:
  // An empty path: nothing is kept.
  explicit ProbeCache(std::filesystem::path path);

  // Fills `plugins` and `status` of a result whose sha256 is set; false when the library is not known.
  bool find(ProbeResult& result) const;
  void add(const ProbeResult& result);
  // Writes the file if anything was added.
  void save();

 private:
  std::filesystem::path path_;
  std::map<std::string, std::string> reports_;
  bool changed_ = false;
};

}  // namespace espalier::plugin
