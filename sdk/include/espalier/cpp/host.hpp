// The host as a plugin sees it: log, random numbers, cancellation, and the edge that no exception crosses.
#pragma once

#include <espalier/host.h>
#include <espalier/cpp/error.hpp>
#include <espalier/cpp/sized.hpp>
#include <espalier/cpp/span.hpp>
#include <espalier/cpp/text.hpp>

#include <cstdint>
#include <new>
#include <string>
#include <vector>

namespace espalier::sdk {

/// The host's table, read once with respect to its struct_size. Cheap to copy; valid while the plugin is loaded.
/// All members may be called on any thread, and do nothing where an old or bare host lacks the slot.
class Host {
 public:
  explicit Host(const esp_host* raw) : raw_(raw), table_(sized_copy(raw)) {}

  std::uint32_t abi_major() const { return table_.abi_major; }
  std::uint32_t abi_minor() const { return table_.abi_minor; }
  std::string_view name() const { return view(table_.name); }

  /// An optional interface of the host, or nullptr.
  const void* get(const char* extension_id) const {
    return table_.get == nullptr ? nullptr : table_.get(raw_, extension_id);
  }

  void log(std::int32_t level, std::string_view message) const noexcept {
    if (table_.log != nullptr) table_.log(raw_, level, message.data(), message.size());
  }

  void fail(esp_call* call, esp_status status, std::string_view message) const noexcept {
    if (table_.fail != nullptr) table_.fail(call, status, message.data(), message.size());
  }

  bool cancelled(esp_call* call) const noexcept { return table_.cancelled != nullptr && table_.cancelled(call) != 0; }

 private:
  const esp_host* raw_;
  esp_host table_;
};

/// Random numbers of the host, a pure function of (run seed, plugin id, purpose, counter). An old or bare host has
/// none: test it like a pointer; using it then throws Error.
class Rng {
 public:
  Rng(const Host& host, esp_call* call)
      : call_(call), table_(sized_copy(static_cast<const esp_host_rng*>(host.get(ESP_HOST_RNG)))) {}

  explicit operator bool() const { return table_.fill_u32 != nullptr && table_.fill_normal != nullptr; }

  /// Fills `out` with uniform 32-bit numbers.
  void fill_u32(const char* purpose, std::uint64_t counter, Span<std::uint32_t> out) const {
    require();
    table_.fill_u32(call_, purpose, counter, out.data(), out.size());
  }

  /// Fills `out` with standard normal numbers.
  void fill_normal(const char* purpose, std::uint64_t counter, Span<float> out) const {
    require();
    table_.fill_normal(call_, purpose, counter, out.data(), out.size());
  }

  /// `count` numbers in [0, 1).
  std::vector<double> uniform(const char* purpose, std::uint64_t counter, std::size_t count) const {
    std::vector<std::uint32_t> bits(count);
    fill_u32(purpose, counter, bits);
    std::vector<double> out(count);
    for (std::size_t i = 0; i < count; ++i) out[i] = static_cast<double>(bits[i]) * 0x1p-32;
    return out;
  }

 private:
  void require() const {
    if (!*this) throw unimplemented("this host has no random numbers (", ESP_HOST_RNG, ")");
  }

  esp_call* call_;
  esp_host_rng table_;
};

/// One call from the host: what a plugin may use while it lasts. Do not keep it.
class Call {
 public:
  Call(const Host& host, esp_call* raw) : host_(host), raw_(raw) {}

  const Host& host() const { return host_; }
  Rng rng() const { return Rng(host_, raw_); }
  /// True once the user asked to stop; poll it in long loops and return early.
  bool cancelled() const noexcept { return host_.cancelled(raw_); }

  void debug(std::string_view message) const noexcept { host_.log(ESP_LOG_DEBUG, message); }
  void info(std::string_view message) const noexcept { host_.log(ESP_LOG_INFO, message); }
  void warning(std::string_view message) const noexcept { host_.log(ESP_LOG_WARNING, message); }

 private:
  const Host& host_;
  esp_call* raw_;
};

/// Runs `body`; whatever it throws becomes a message in the host's sink and a status. The edge of every plugin call.
template <class Body>
esp_status guarded(const Host& host, esp_call* call, Body&& body) noexcept {
  try {
    body();
    return ESP_OK;
  } catch (const Error& error) {
    host.fail(call, error.code(), error.what());
    return error.code();
  } catch (const std::bad_alloc&) {
    host.fail(call, ESP_INTERNAL, "out of memory");
  } catch (const std::exception& error) {
    host.fail(call, ESP_INTERNAL, error.what());
  } catch (...) {
    host.fail(call, ESP_INTERNAL, "the plugin threw something that is not a std::exception");
  }
  return ESP_INTERNAL;
}

}  // namespace espalier::sdk
