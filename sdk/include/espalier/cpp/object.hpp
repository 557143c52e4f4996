// What plugins of all kinds share: the base class, and the object that the host holds.
#pragma once

#include <espalier/cpp/host.hpp>
#include <espalier/cpp/schema.hpp>
#include <espalier/cpp/state.hpp>

#include <memory>
#include <string>
#include <type_traits>
#include <vector>

namespace espalier::sdk {

/// Where a run is. See plugin.h.
using Progress = esp_progress;

/// Base of Growth, Difficulty and Schedule. A plugin is a default-constructible class with
/// `static void describe(Description<Self>&)`; constructing one must be cheap and free of side effects.
/// The edge finds optional methods by asking whether the class overrides them, so override in the public part.
class Plugin {
 public:
  /// The oldest host minor that the class can live with; hide it with a larger number where needed.
  static constexpr std::uint32_t min_host_minor = 1;

  virtual ~Plugin() = default;

  /// Called once, after the parameters are filled: the place to check them together.
  virtual void check(Call&) {}
  /// Optional, both or none: state that a resumed run needs. load() may see any state_version up to its own.
  virtual void save(Call&, Writer&) const {}
  virtual void load(Call&, std::uint32_t, Reader&) {}
};

namespace detail {

/// What kind of plugin T is: Base, the edge that the host calls, and the factory's id. Each base class comes with its
/// own, so that a library compiles only the kinds that it has.
template <class T, class = void>
struct KindOf;

template <class T>
constexpr bool has_state() {
  constexpr bool saves = !std::is_same_v<decltype(&T::save), decltype(&Plugin::save)>;
  constexpr bool loads = !std::is_same_v<decltype(&T::load), decltype(&Plugin::load)>;
  static_assert(saves == loads, "override save() and load() together");
  return saves;
}

/// The description of T, made on first use; throws Error where it is incomplete. [any]
template <class T>
const Description<T>& description() {
  struct Finished : Description<T> {
    Finished() { this->finish(has_state<T>() ? 0 : ESP_CLAIM_STATELESS); }
  };
  static const Finished finished;
  return finished;
}

/// What esp_object::self points to.
template <class T>
struct Instance {
  explicit Instance(const esp_host* raw_host) : host(raw_host) {}

  Host host;
  T plugin;
  std::uint32_t num_keys = 0;       // schedules: how many values bind() asked for
  std::vector<std::string> inputs;  // difficulty: what the scorer asks for, and views of it for the host
  std::vector<esp_str> input_views;
};

/// Runs body(instance, call) behind the edge.
template <class T, class Body>
esp_status enter(void* self, esp_call* raw_call, Body&& body) noexcept {
  auto& instance = *static_cast<Instance<T>*>(self);
  return guarded(instance.host, raw_call, [&] {
    Call call(instance.host, raw_call);
    body(instance, call);
  });
}

template <class T>
void destroy(void* self) {
  delete static_cast<Instance<T>*>(self);
}

template <class T>
esp_status save(void* self, esp_call* raw_call, const esp_out* out) {
  return enter<T>(self, raw_call, [&](Instance<T>& instance, Call& call) {
    Writer writer(out);
    instance.plugin.save(call, writer);
  });
}

template <class T>
esp_status load(void* self, esp_call* raw_call, std::uint32_t state_version, const esp_in* in) {
  return enter<T>(self, raw_call, [&](Instance<T>& instance, Call& call) {
    const std::uint32_t newest = description<T>().plain().state_version;
    if (state_version > newest) {
      throw failed_precondition("the saved state has version ", state_version, ", this plugin knows up to ", newest);
    }
    Reader reader(in);
    instance.plugin.load(call, state_version, reader);
    reader.expect_end();
  });
}

}  // namespace detail
}  // namespace espalier::sdk
