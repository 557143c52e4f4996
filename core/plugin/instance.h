// One living plugin object, whatever its kind: created from checked parameters, called behind a guard, destroyed once.
#pragma once

#include <espalier/plugin.h>

#include <atomic>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "core/base/error.h"
#include "core/config/duration.h"
#include "core/config/param_value.h"
#include "core/plugin/host_table.h"
#include "core/plugin/library.h"
#include "core/plugin/plugin_info.h"
#include "core/plugin/registry.h"
#include "core/plugin/schema.h"

namespace espalier::plugin {

// What a run gives to every plugin object.
struct PluginSetup {
  uint64_t seed = 0;                        // of the run; keys esp.host.rng
  RunLength run;                            // turns duration parameters into steps
  const std::atomic<bool>* stop = nullptr;  // set once the user asked to stop; may be null
  // Growth and schedules: in a process of their own, and how long a call may take there. Nothing: in this one.
  std::optional<std::chrono::milliseconds> isolate = {};
};

// Who took part in a run, for manifests and side-cars.
struct PluginIdentity {
  std::string id, version, path, sha256, kind;
  uint32_t abi_minor = 0;
  uint64_t claims = 0;
  std::string params_json;                   // resolved, one line
  std::map<std::string, ParamValue> params;  // resolved, for config.resolved.toml
};

class PluginInstance {
 public:
  // Resolves and loads the plugin, checks the parameters and creates the object. Throws Error(plugin) when there is no
  // such plugin or it misbehaves, Error(config) at the place of a parameter that is wrong.
  PluginInstance(Registry& registry, Kind kind, const PluginChoice& choice, const PluginSetup& setup);
  ~PluginInstance();
  PluginInstance(const PluginInstance&) = delete;
  PluginInstance& operator=(const PluginInstance&) = delete;

  const PluginInfo& info() const { return info_; }
  const PluginIdentity& identity() const { return identity_; }
  const HostTable& host() const { return host_; }
  void* self() const { return object_.self; }
  // The kind's table, as the plugin gave it.
  const void* vtable() const { return vtable_; }
  // An optional interface of the object, or null.
  const void* extension(const char* id) const;
  // A call that judges the user's settings: what the plugin refuses as an invalid argument is Error(config) at the
  // parameter that it names, or where the plugin was chosen.
  void call_on_settings(const char* what, const std::function<esp_status(esp_call*)>& body) const;
  // guarded_call() on this object's host.
  void call(const char* what, const std::function<esp_status(esp_call*)>& body) const;
  // Error(plugin) with the plugin id as its place, for an answer that cannot be.
  Error misbehaved(const std::string& why) const;

  // The object's state with its state_version; load_state() takes what save_state() gave. Both move the bytes in short
  // pieces, as the ABI allows. Empty for a plugin without state. Throws Error(plugin), or Error(checkpoint) for bytes
  // that are damaged.
  std::string save_state() const;
  void load_state(const std::string& bytes);

 private:
  PluginInstance(Registry& registry, const Listing& listing, const PluginChoice& choice, const PluginSetup& setup);
  void create(const ResolvedParams& params);
  void destroy() noexcept;
  void refuse_after_crash(const char* what) const;

  std::shared_ptr<PluginLibrary> library_;  // first: destroyed last
  PluginInfo info_;
  PluginIdentity identity_;
  PluginChoice choice_;
  HostTable host_;
  esp_object object_{};
  const void* vtable_ = nullptr;
  mutable std::atomic<bool> crashed_{false};  // a call has crashed: nothing more is called
};

}  // namespace espalier::plugin
