#include "core/plugin/library.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstring>
#include <set>

#include "core/base/error.h"
#include "core/plugin/call_guard.h"
#include "core/plugin/descriptor.h"
#include "core/plugin/sized.h"

namespace espalier::plugin {
namespace {

std::string abi(uint32_t major, uint32_t minor) {
  return fmt::format("{}.{}", major, minor);
}

// A library with its own copy of the C++ runtime throws through ours, whose unwinder fills its tables on its own first
// throw and aborts without them.
void prepare_to_catch() {
  try {
    throw 0;
  } catch (int) {
  }
}

}  // namespace

std::shared_ptr<PluginLibrary> PluginLibrary::open(const std::filesystem::path& path,
                                                   const std::string& expected_sha256) {
  LibraryImage image = LibraryImage::read(path);
  if (!expected_sha256.empty() && image.sha256 != expected_sha256)
    throw Error(ErrorCode::plugin, "the file has changed since it was probed", path.string(), "run again");
  return std::shared_ptr<PluginLibrary>(new PluginLibrary(std::move(image)));
}

PluginLibrary::PluginLibrary(LibraryImage image)
    : path_(image.path),
      sha256_(image.sha256),
      loaded_(load(std::move(image))),
      host_(path_.stem().string(), 0, nullptr) {
  const std::string who = path_.string();
  prepare_to_catch();
  const auto entry_function = reinterpret_cast<esp_entry_fn>(symbol(ESP_ENTRY_SYMBOL));
  if (entry_function == nullptr) refuse_without_entry();
  const esp_entry* entry = nullptr;
  guarded_call(host_, ESP_ENTRY_SYMBOL, [&](esp_call*) { return entry = entry_function(), ESP_OK; });
  check_entry(entry);

  guarded_call(host_, "init()", [&](esp_call* call) { return entry_.init(call, host_.table()); });
  try {
    for (const Kind kind : kAllKinds) {
      if (find_factory(kind) == nullptr) continue;
      const auto found = read_descriptors(factory(kind), kind, who);
      plugins_.insert(plugins_.end(), found.begin(), found.end());
    }
    std::set<std::string> ids;
    for (const PluginInfo& info : plugins_)
      if (!ids.insert(info.id).second)
        throw Error(ErrorCode::plugin, fmt::format("offers the id '{}' for plugins of two kinds", info.id), who);
    if (plugins_.empty()) throw Error(ErrorCode::plugin, "offers no plugin of a kind that this Espalier knows", who);
  } catch (...) {
    entry_.deinit();
    throw;
  }
}

void* PluginLibrary::symbol(const std::string& name) const {
  return ::dlsym(loaded_.handle, name.c_str());
}

// Another major is another entry symbol; say which one this file speaks.
void PluginLibrary::refuse_without_entry() const {
  const std::string who = path_.string();
  for (uint32_t major = 0; major < 100; ++major)
    if (symbol(fmt::format("esp_entry_v{}", major)) != nullptr)
      throw Error(ErrorCode::plugin,
                  fmt::format("was built for plugin ABI {}, this Espalier speaks ABI {}", major, ESP_ABI_MAJOR), who,
                  major > ESP_ABI_MAJOR ? "update Espalier" : "rebuild the plugin with the SDK of this Espalier");
  throw Error(ErrorCode::plugin, fmt::format("is no Espalier plugin: it does not export {}", ESP_ENTRY_SYMBOL), who);
}

void PluginLibrary::check_entry(const esp_entry* entry) {
  const std::string who = path_.string();
  if (entry == nullptr)
    throw Error(ErrorCode::plugin, fmt::format("{}() returned a null pointer", ESP_ENTRY_SYMBOL), who);
  if (entry->magic != ESP_MAGIC)
    throw Error(ErrorCode::plugin, fmt::format("is no Espalier plugin: its magic is {:#010x}", entry->magic), who);
  // The version fields stand in every version of the struct, so the sentence about versions comes first.
  constexpr size_t kVersions = ESPALIER_SIZE_UP_TO(esp_entry, min_host_minor);
  constexpr size_t kAll = ESPALIER_SIZE_UP_TO(esp_entry, factory);
  if (entry->struct_size < kVersions || entry->struct_size > kMaxStructSize)
    throw Error(ErrorCode::plugin, fmt::format("the struct_size of its entry is {}", entry->struct_size), who);
  if (entry->abi_major != ESP_ABI_MAJOR)
    throw Error(
        ErrorCode::plugin,
        fmt::format("was built for plugin ABI {}, this Espalier speaks {}", abi(entry->abi_major, entry->abi_minor),
                    abi(ESP_ABI_MAJOR, ESP_ABI_MINOR)),
        who, entry->abi_major > ESP_ABI_MAJOR ? "update Espalier" : "rebuild the plugin with the SDK of this Espalier");
  if (entry->min_host_minor > ESP_ABI_MINOR)
    throw Error(ErrorCode::plugin,
                fmt::format("needs an Espalier with plugin ABI {} or newer, this one has {}",
                            abi(entry->abi_major, entry->min_host_minor), abi(ESP_ABI_MAJOR, ESP_ABI_MINOR)),
                who, "update Espalier, or build the plugin for the older ABI");
  if (entry->struct_size < kAll)
    throw Error(ErrorCode::plugin,
                fmt::format("the struct_size of its entry is {}, expected at least {}", entry->struct_size, kAll), who);
  std::memcpy(&entry_, entry, std::min<size_t>(entry->struct_size, sizeof(entry_)));
  if (entry_.init == nullptr || entry_.deinit == nullptr || entry_.factory == nullptr)
    throw Error(ErrorCode::plugin, "its entry lacks init, deinit or factory", who);
}

const esp_factory* PluginLibrary::find_factory(Kind kind) const {
  const esp_factory* found = nullptr;
  guarded_call(host_, "factory()", [&](esp_call*) { return found = entry_.factory(factory_id(kind)), ESP_OK; });
  return found;
}

esp_factory PluginLibrary::factory(Kind kind) const {
  const std::string who = path_.string();
  const auto made =
      sized_copy<esp_factory>(find_factory(kind), ESPALIER_SIZE_UP_TO(esp_factory, create), "factory", who);
  if (made.create == nullptr) throw Error(ErrorCode::plugin, "its factory has no create()", who);
  return made;
}

PluginLibrary::~PluginLibrary() {
  if (has_crashed()) return;
  try {
    entry_.deinit();
  } catch (...) {  // nothing is left to undo, and a destructor must not throw
  }
}

}  // namespace espalier::plugin
