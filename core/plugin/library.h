// A plugin's shared library, loaded from a copy of its own and checked. Loaded for good: the code stays in memory until
// the process ends, since there is no sound way to unload a library that may have started threads or thread-local
// destructors.
#pragma once

#include <espalier/plugin.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "core/plugin/host_table.h"
#include "core/plugin/library_image.h"
#include "core/plugin/plugin_info.h"

namespace espalier::plugin {

class PluginLibrary {
 public:
  // Loads what the file holds now (library_image.h), compares magic, abi_major and min_host_minor before any call into
  // it, then init()s it and reads its descriptions. Throws Error(plugin, place = path) with who is too old and what to
  // do. With an expected SHA-256, a file that has another one is refused unloaded.
  static std::shared_ptr<PluginLibrary> open(const std::filesystem::path& path,
                                             const std::string& expected_sha256 = {});
  ~PluginLibrary();  // deinit(), once for the init() of open()
  PluginLibrary(const PluginLibrary&) = delete;
  PluginLibrary& operator=(const PluginLibrary&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // Of the bytes that run.
  const std::string& sha256() const { return sha256_; }
  // What the dynamic loader and debuggers call it.
  const std::string& loaded_as() const { return loaded_.name; }
  uint32_t abi_minor() const { return entry_.abi_minor; }
  const std::vector<PluginInfo>& plugins() const { return plugins_; }
  // The factory of a kind that plugins() has. Throws Error(plugin) where there is none.
  esp_factory factory(Kind kind) const;

 private:
  explicit PluginLibrary(LibraryImage image);
  void* symbol(const std::string& name) const;
  [[noreturn]] void refuse_without_entry() const;
  void check_entry(const esp_entry* entry);
  const esp_factory* find_factory(Kind kind) const;

  std::filesystem::path path_;
  std::string sha256_;
  LoadedLibrary loaded_;
  HostTable host_;
  esp_entry entry_{};
  std::vector<PluginInfo> plugins_;
};

}  // namespace espalier::plugin
