// Every plugin that can be found, and which one a name means.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/config/param_value.h"
#include "core/plugin/library.h"
#include "core/plugin/plugin_info.h"
#include "core/plugin/probe_cache.h"
#include "core/plugin/search_paths.h"

namespace espalier::plugin {

// One line of `espalier plugin list`: a plugin, or a library that could not be used (id, kind and version empty).
struct Listing {
  PluginInfo info;
  std::filesystem::path path;
  std::string sha256;
  std::string status;  // "ok", "shadowed by PATH", or why the library cannot be used

  bool usable() const { return status == "ok"; }
  bool failed() const { return info.id.empty(); }
  std::string id() const { return info.id; }
  std::string kind() const { return failed() ? "" : name_of(info.kind); }
  std::string version() const { return info.version; }
};

struct RegistryOptions {
  std::vector<std::string> arguments;            // --plugin-path
  std::vector<std::string> configured;           // [plugins].paths
  std::filesystem::path exe = "/proc/self/exe";  // has the verb plugin-probe
  std::filesystem::path prefix = prefix_of("/proc/self/exe");
  std::filesystem::path cache = default_probe_cache();
  std::chrono::milliseconds timeout = kProbeTimeout;
};

// Used by the driver thread.
class Registry {
 public:
  // Finds and probes every library. Throws Error(plugin) for a path of `arguments` or `configured` that does not exist;
  // a library that fails is listed with its reason.
  explicit Registry(const RegistryOptions& options);
  // One library alone, loaded into this process without a probe: for processes that exist to run it. Throws as
  // PluginLibrary::open().
  Registry(const std::filesystem::path& library, const std::string& sha256);

  // In search order.
  const std::vector<Listing>& list() const { return listings_; }
  const std::vector<SearchPath>& paths() const { return paths_; }
  // The first plugin of the kind whose id or short name is `name`. Throws Error(plugin, place) listing what there is,
  // or saying why the library of that name cannot be used.
  const Listing& resolve(Kind kind, const std::string& name, const std::string& place) const;
  // Loads the library of a usable listing into this process, once while it is in use. Throws Error(plugin) also when
  // the file has changed since it was probed.
  std::shared_ptr<PluginLibrary> open(const Listing& listing);
  // The host's own binary, which has the hidden verbs.
  const std::filesystem::path& exe() const { return exe_; }

 private:
  void probe_all(const RegistryOptions& options);
  void add(const ProbeResult& result);
  [[noreturn]] void refuse(Kind kind, const std::string& name, const std::string& place) const;

  std::filesystem::path exe_;
  std::vector<SearchPath> paths_;
  std::vector<Listing> listings_;
  std::map<std::filesystem::path, std::weak_ptr<PluginLibrary>> open_;
};

}  // namespace espalier::plugin
