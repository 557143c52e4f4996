// ESPALIER_PLUGIN(Class, ...): entry, factories and objects for the classes of one library.
#pragma once

#include <espalier/cpp/object.hpp>

#include <algorithm>
#include <atomic>
#include <string_view>
#include <vector>

namespace espalier::sdk::detail {

/// Makes an object of class T. Throws Error; `out` is then untouched.
template <class T>
void create_object(esp_call* raw_call, const esp_host* raw_host, const esp_config* config, esp_object* out,
                   const void** vtable) {
  auto instance = std::make_unique<Instance<T>>(raw_host);
  description<T>().fill(instance->plugin, Config(config));
  Call call(instance->host, raw_call);
  instance->plugin.check(call);
  esp_object object{};
  object.destroy = &destroy<T>;
  object.get = &KindOf<T>::Edge::get;
  object.save = &save<T>;
  object.load = &load<T>;
  *vtable = KindOf<T>::Edge::table(instance->plugin);
  object.self = instance.release();
  sized_write(out, object);
}

/// The library's front door, over all its plugin classes.
template <class... Plugins>
class Library {
 public:
  static const esp_entry* entry() {
    static const esp_entry table = {ESP_MAGIC, sizeof(esp_entry), ESP_ABI_MAJOR, ESP_ABI_MINOR, kMinHostMinor, 0,
                                    &init,     &deinit,           &factory};
    return &table;
  }

 private:
  static_assert(sizeof...(Plugins) > 0, "name at least one plugin class");
  static_assert((std::is_base_of_v<Plugin, Plugins> && ...), "derive from Growth, Difficulty or Schedule");

  static constexpr std::uint32_t kMinHostMinor = std::max({Plugins::min_host_minor...});

  static std::atomic<int>& users() {
    static std::atomic<int> count{0};
    return count;
  }

  static esp_status init(esp_call* call, const esp_host* raw_host) {
    const Host host(raw_host);
    return guarded(host, call, [&] {
      if (host.abi_major() != ESP_ABI_MAJOR || host.abi_minor() < kMinHostMinor) {
        throw failed_precondition("this plugin needs a host with plugin ABI ", ESP_ABI_MAJOR, ".", kMinHostMinor,
                                  " or newer; this one has ", host.abi_major(), ".", host.abi_minor());
      }
      (description<Plugins>(), ...);  // an incomplete description is reported here, with words
      ++users();
    });
  }

  static void deinit() { --users(); }

  static const esp_factory* factory(const char* factory_id) {
    const std::string_view id(factory_id);
    const esp_factory* found = nullptr;
    try {
      ((id == KindOf<Plugins>::kFactory ? void(found = factory_of<typename KindOf<Plugins>::Base>()) : void()), ...);
    } catch (...) {
      return nullptr;  // init() says what is wrong
    }
    return found;
  }

  template <class Base>
  static const esp_factory* factory_of() {
    static const std::vector<const esp_desc*> descs = [] {
      std::vector<const esp_desc*> found;
      ((std::is_base_of_v<Base, Plugins> ? found.push_back(&description<Plugins>().plain()) : void()), ...);
      return found;
    }();
    static const esp_factory table = {sizeof(esp_factory), static_cast<std::uint32_t>(descs.size()), descs.data(),
                                      &create<Base>};
    return &table;
  }

  template <class Base>
  static esp_status create(esp_call* call, const esp_host* raw_host, esp_str id, const esp_config* config,
                           esp_object* out, const void** vtable) {
    return guarded(Host(raw_host), call, [&] {
      if (users() <= 0) throw failed_precondition("create() before init()");
      const bool made = (try_create<Base, Plugins>(call, raw_host, view(id), config, out, vtable) || ...);
      if (!made) throw Error(ESP_NOT_FOUND, cat("this library has no plugin '", view(id), "' of that kind"));
    });
  }

  template <class Base, class T>
  static bool try_create(esp_call* call, const esp_host* raw_host, std::string_view id, const esp_config* config,
                         esp_object* out, const void** vtable) {
    if (!std::is_base_of_v<Base, T> || view(description<T>().plain().id) != id) return false;
    create_object<T>(call, raw_host, config, out, vtable);
    return true;
  }
};

}  // namespace espalier::sdk::detail

/// Makes the library's one exported symbol. Use it once, at namespace scope, with a semicolon.
#define ESPALIER_PLUGIN(...)                                       \
  extern "C" ESP_EXPORT const esp_entry* esp_entry_v0(void);       \
  const esp_entry* esp_entry_v0(void) {                            \
    return ::espalier::sdk::detail::Library<__VA_ARGS__>::entry(); \
  }                                                                \
  static_assert(true, "")
