// A plugin's shared library, and objects made by it, as the tests' host holds them.
#pragma once

#include <espalier/espalier.h>

#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "sdk/call_record.h"
#include "sdk/fake_config.h"
#include "sdk/fake_host.h"

namespace espalier::sdk_test {

/// A status other than ESP_OK, with the message that the plugin gave.
class PluginError : public std::runtime_error {
 public:
  PluginError(esp_status code, const std::string& message) : std::runtime_error(message), status(code) {}
  esp_status status;
};

/// Makes a call and throws PluginError unless it returns ESP_OK.
template <class Function, class... Args>
void call_ok(Function function, void* self, Args... args) {
  CallRecord call;
  const esp_status status = function(self, call.raw(), args...);
  if (status != ESP_OK) throw PluginError(status, call.message);
}

/// A living object of a plugin, destroyed with *this.
class Object {
 public:
  Object(const Object&) = delete;
  Object& operator=(const Object&) = delete;
  Object(Object&& other) noexcept : raw_(other.raw_), vtable_(other.vtable_) { other.raw_.destroy = nullptr; }
  Object& operator=(Object&&) = delete;
  ~Object();

  void* self() const { return raw_.self; }
  const esp_object& raw() const { return raw_; }
  template <class Table>
  const Table& table() const {
    return *static_cast<const Table*>(vtable_);
  }
  const void* get(const char* extension_id) const { return raw_.get(raw_.self, extension_id); }

  /// Moves at most `piece` bytes at a time, as a host may.
  std::string save(std::uint64_t piece = UINT64_MAX) const;
  void load(const std::string& bytes, std::uint32_t state_version, std::uint64_t piece = UINT64_MAX) const;

 private:
  friend class PluginLibrary;
  Object() = default;

  esp_object raw_{};
  const void* vtable_ = nullptr;
};

/// A loaded library with a successful init(). The library stays in memory for the life of the process.
class PluginLibrary {
 public:
  /// Throws PluginError where the file cannot be loaded or init() fails.
  explicit PluginLibrary(const std::string& path, FakeHost::Kind kind = FakeHost::Kind::kFull);
  ~PluginLibrary();
  PluginLibrary(const PluginLibrary&) = delete;
  PluginLibrary& operator=(const PluginLibrary&) = delete;

  const esp_entry& entry() const { return *entry_; }
  FakeHost& host() { return host_; }
  /// The only factory of the library's only plugin, and its description.
  const esp_factory& factory() const;
  const esp_desc& desc() const { return *factory().descs[0]; }
  std::string id() const;

  /// Throws PluginError with the plugin's own words.
  Object create(const FakeConfig::Overrides& params = {}, std::uint64_t total_steps = 100);

 private:
  FakeHost host_;
  const esp_entry* entry_ = nullptr;
};

/// Paths of files built by this tree.
std::string plugin_path(const std::string& name);
std::string fixture_path(const std::string& name);
/// Names of the plugins that come with Espalier.
struct ShippedPlugin {
  std::string kind, name;
  FakeConfig::Overrides params;  // what it cannot do without
};
const std::vector<ShippedPlugin>& shipped_plugins();

}  // namespace espalier::sdk_test
