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
  std::string status;                             // "ok", "shadowed by PATH", or why it cannot be used
  std::filesystem::path shadowed_by = {};         // the library whose plugin of the same id is used instead
  std::vector<std::string> same_short_name = {};  // ids of other usable plugins of the kind: none goes by that name

  bool usable() const { return status == "ok"; }
  bool failed() const { return info.id.empty(); }
  std::string id() const { return info.id; }
  std::string kind() const { return failed() ? "" : name_of(info.kind); }
  std::string version() const { return info.version; }
};

// A plugin that a checkpoint was written with.
struct PluginOrigin {
  std::string id, version, sha256, path;
};

struct RegistryOptions {
  std::vector<std::string> arguments;   // --plugin-path
  std::vector<std::string> configured;  // [plugins].paths
  std::vector<PluginOrigin> resumed;    // of the run that goes on; empty: a new one
  std::filesystem::path exe = worker_program();
  std::filesystem::path prefix = prefix_of("/proc/self/exe");
  // The folder whose libraries come with Espalier; empty: that of the prefix. Only they may use ids of kReservedPrefix.
  std::filesystem::path shipped = {};
  std::filesystem::path cache = default_probe_cache();
  std::chrono::milliseconds timeout = kProbeTimeout;
};

inline constexpr const char* kReservedPrefix = "org.espalier.";

// Used by the driver thread.
class Registry {
 public:
  // Finds and probes every library. Throws Error(plugin) for a path of `arguments`, or of `configured` in a new run,
  // that does not exist; a library that fails is listed with its reason.
  explicit Registry(const RegistryOptions& options);
  // One library alone, loaded into this process without a probe: for processes that exist to run it. Throws as
  // PluginLibrary::open().
  Registry(const std::filesystem::path& library, const std::string& sha256);

  // In search order.
  const std::vector<Listing>& list() const { return listings_; }
  const std::vector<SearchPath>& paths() const { return paths_; }
  // The plugin of the kind whose id is `name`, or the only one that has it as its short name. Of one id in several
  // libraries the first in search order. Throws Error(plugin, place) for a short name that several have, with their
  // ids, and for one that nothing usable has, with what there is and what could not be used, and why.
  const Listing& resolve(Kind kind, const std::string& name, const std::string& place) const;
  // The same over all kinds, for `plugin info`.
  const Listing& resolve(const std::string& name, const std::string& place) const;
  // Libraries whose plugin of the same id is not used because of this one.
  std::vector<std::filesystem::path> shadows(const Listing& listing) const;
  // Loads the library of a usable listing into this process, once. Throws Error(plugin) also when the file has changed
  // since it was probed.
  std::shared_ptr<PluginLibrary> open(const Listing& listing);
  // Runs plugins: espalier-worker.
  const std::filesystem::path& exe() const { return exe_; }

 private:
  void probe_all(const RegistryOptions& options);
  void add(const ProbeResult& result);
  void settle(const std::filesystem::path& shipped);
  const Listing& choose(const std::vector<Kind>& kinds, const std::string& name, const std::string& place) const;

  std::filesystem::path exe_;
  std::vector<PluginOrigin> resumed_;
  std::vector<SearchPath> paths_;
  std::vector<Listing> listings_;
  std::map<std::filesystem::path, std::shared_ptr<PluginLibrary>> open_;
};

}  // namespace espalier::plugin
