// What a plugin sees of the host (esp_host and its interfaces), and the call it is in (esp_call).
#pragma once

#include <espalier/host.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/base/error.h"

namespace espalier::plugin {

// The host as one plugin object sees it. The address is the plugin's: it must not move and outlives the object.
class HostTable {
 public:
  // stop: set once the user asked to stop; may be null.
  HostTable(std::string plugin_id, uint64_t run_seed, const std::atomic<bool>* stop);
  HostTable(const HostTable&) = delete;
  HostTable& operator=(const HostTable&) = delete;

  const esp_host* table() const { return &table_.host; }
  const std::string& plugin_id() const { return plugin_id_; }
  uint64_t run_seed() const { return run_seed_; }
  bool stopping() const { return stop_ != nullptr && stop_->load(std::memory_order_relaxed); }
  // The HostTable that gave out this pointer.
  static const HostTable& of(const esp_host* host);

 private:
  struct Linked {
    esp_host host;  // first, so that the plugin's pointer leads back to `self`
    const HostTable* self;
  };
  Linked table_;
  std::string plugin_id_;
  uint64_t run_seed_;
  const std::atomic<bool>* stop_;
};

// "INVALID_ARGUMENT", or "status 42".
std::string status_name(esp_status status);

// Runs one call into a plugin: body gets the esp_call and returns the plugin's status. Throws Error(plugin, place =
// plugin id) when the plugin fails, fails without a message, says fail() but returns OK, or throws. `what` names the
// call, "plan()". The plugin's changes to the floating-point environment are undone.
// May run on several threads at once.
// `refused_setting`: makes the error for a failure that says ESP_INVALID_ARGUMENT, where the user's settings can be at
// fault; without it that is Error(plugin) too.
using SettingError = std::function<Error(const std::string& message)>;
void guarded_call(const HostTable& host, const char* what, const std::function<esp_status(esp_call*)>& body,
                  const SettingError& refused_setting = {});

}  // namespace espalier::plugin

// The opaque struct of the ABI: error sink and scratch memory of one call. All members may be used from any thread.
struct esp_call {
  explicit esp_call(const espalier::plugin::HostTable& table) : host(table) {}

  const espalier::plugin::HostTable& host;
  std::mutex mutex;  // guards the rest
  bool failed = false;
  std::string message;
  std::vector<std::unique_ptr<char[]>> arena;
};
