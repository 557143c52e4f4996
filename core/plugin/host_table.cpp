#include "core/plugin/host_table.h"

#include <fmt/format.h>

#include <array>
#include <cfenv>
#include <exception>
#include <new>
#include <span>

#include "core/base/error.h"
#include "core/base/log.h"
#include "core/base/rng.h"
#include "core/base/text.h"
#include "core/plugin/call_guard.h"
#include "core/plugin/foreign_text.h"

namespace espalier::plugin {
namespace {

constexpr std::array<std::pair<esp_status, const char*>, 8> kStatusNames{
    {{ESP_OK, "OK"},
     {ESP_INVALID_ARGUMENT, "INVALID_ARGUMENT"},
     {ESP_NOT_FOUND, "NOT_FOUND"},
     {ESP_FAILED_PRECONDITION, "FAILED_PRECONDITION"},
     {ESP_OUT_OF_RANGE, "OUT_OF_RANGE"},
     {ESP_UNIMPLEMENTED, "UNIMPLEMENTED"},
     {ESP_INTERNAL, "INTERNAL"},
     {ESP_DATA_LOSS, "DATA_LOSS"}}};

// A plugin's message, cut to a readable size, valid UTF-8 and without what a terminal would obey.
std::string clean_text(const char* message, uint64_t size) {
  constexpr uint64_t kMaxMessage = 4000;
  if (message == nullptr) return {};
  std::string out(message, static_cast<size_t>(std::min(size, kMaxMessage)));
  for (size_t at = find_invalid_utf8(out); at != std::string::npos; at = find_invalid_utf8(out)) out[at] = '?';
  return without_controls(std::move(out));
}

// The slots of esp_host. No exception may leave them.

void host_fail(esp_call* call, esp_status, const char* message, uint64_t size) noexcept {
  if (call == nullptr) return;
  try {
    const std::lock_guard lock(call->mutex);
    if (call->failed) return;  // the first reason is the one that matters
    call->failed = true;
    call->message = clean_text(message, size);
  } catch (...) {
  }
}

void host_log(const esp_host* host, int32_t level, const char* message, uint64_t size) noexcept {
  if (host == nullptr || level < ESP_LOG_INFO) return;
  try {
    const std::string line = fmt::format("{}: {}", HostTable::of(host).plugin_id(), clean_text(message, size));
    if (level >= ESP_LOG_WARNING)
      warn_line(line);
    else
      log_line(line);
  } catch (...) {
  }
}

void* host_arena(esp_call* call, uint64_t bytes, uint64_t align) noexcept {
  constexpr uint64_t kMaxAlign = 1U << 16, kMaxBytes = uint64_t{1} << 40;
  if (call == nullptr || align == 0 || (align & (align - 1)) != 0 || align > kMaxAlign || bytes > kMaxBytes)
    return nullptr;
  try {
    const std::lock_guard lock(call->mutex);
    std::unique_ptr<char[]> block(new (std::nothrow) char[bytes + align]);
    if (block == nullptr) return nullptr;
    call->arena.push_back(std::move(block));
    const auto address = reinterpret_cast<uintptr_t>(call->arena.back().get());
    return reinterpret_cast<void*>((address + align - 1) & ~(align - 1));
  } catch (...) {
    return nullptr;
  }
}

int32_t host_cancelled(esp_call* call) noexcept {
  return call != nullptr && call->host.stopping() ? 1 : 0;
}

// "esp.host.rng/0"

Rng rng_for(const esp_call& call, const char* purpose) {
  return {call.host.run_seed(), fmt::format("plugin/{}/{}", call.host.plugin_id(), purpose == nullptr ? "" : purpose)};
}

void rng_fill_u32(esp_call* call, const char* purpose, uint64_t counter, uint32_t* out, uint64_t count) noexcept {
  if (call == nullptr || out == nullptr) return;
  try {
    const Rng rng = rng_for(*call, purpose);
    for (uint64_t i = 0; i < count; i += 4) {
      const auto words = rng.words(i / 4, counter);
      for (uint64_t j = 0; j < 4 && i + j < count; ++j) out[i + j] = words[j];
    }
  } catch (...) {
  }
}

void rng_fill_normal(esp_call* call, const char* purpose, uint64_t counter, float* out, uint64_t count) noexcept {
  if (call == nullptr || out == nullptr) return;
  try {
    rng_for(*call, purpose).normal(std::span(out, static_cast<size_t>(count)), counter);
  } catch (...) {
  }
}

constexpr esp_host_rng kRng = {sizeof(esp_host_rng), 0, &rng_fill_u32, &rng_fill_normal};

const void* host_get(const esp_host*, const char* extension_id) noexcept {
  return extension_id != nullptr && std::string_view(extension_id) == ESP_HOST_RNG ? &kRng : nullptr;
}

// The caller's floating-point environment, put back when a plugin has changed rounding or traps.
class KeepFloatEnvironment {
 public:
  KeepFloatEnvironment() { std::fegetenv(&saved_); }
  ~KeepFloatEnvironment() { std::fesetenv(&saved_); }
  KeepFloatEnvironment(const KeepFloatEnvironment&) = delete;
  KeepFloatEnvironment& operator=(const KeepFloatEnvironment&) = delete;

 private:
  std::fenv_t saved_{};
};

constexpr const char* kDefectHint = "this is a defect of the plugin: report it to its author";

}  // namespace

HostTable::HostTable(std::string plugin_id, uint64_t run_seed, const std::atomic<bool>* stop)
    : table_{{sizeof(esp_host),
              ESP_ABI_MAJOR,
              ESP_ABI_MINOR,
              0,
              {"espalier", 8},
              {ESPALIER_VERSION, sizeof(ESPALIER_VERSION) - 1},
              &host_get,
              &host_fail,
              &host_log,
              &host_arena,
              &host_cancelled},
             this},
      plugin_id_(std::move(plugin_id)),
      run_seed_(run_seed),
      stop_(stop) {}

const HostTable& HostTable::of(const esp_host* host) {
  return *reinterpret_cast<const Linked*>(host)->self;
}

std::string status_name(esp_status status) {
  for (const auto& [code, name] : kStatusNames)
    if (code == status) return name;
  return fmt::format("status {}", status);
}

void guarded_call(const HostTable& host, const char* what, const std::function<esp_status(esp_call*)>& body,
                  const SettingError& refused_setting) {
  esp_call call(host);
  esp_status status = ESP_OK;
  std::string thrown, ended;
  const std::string& who = host.plugin_id();
  {
    const KeepFloatEnvironment keep;
    ended = run_guarded(who.c_str(), what, [&] {
      try {
        status = body(&call);
      } catch (const std::exception& error) {
        thrown = fmt::format(": {}", error.what());
        if (thrown.size() == 2) thrown = " without a text";
      } catch (...) {
        thrown = " that is not a std::exception";
      }
    });
  }
  if (!ended.empty()) throw Error(ErrorCode::plugin, fmt::format("{} in {}", ended, what), who, kDefectHint);
  if (!thrown.empty())
    throw Error(ErrorCode::plugin, fmt::format("{} let a C++ exception out{}", what, thrown), who, kDefectHint);
  if (status != ESP_OK && call.message.empty())
    throw Error(ErrorCode::plugin, fmt::format("{} returned {} without saying why", what, status_name(status)), who,
                kDefectHint);
  if (status == ESP_INVALID_ARGUMENT && refused_setting) throw refused_setting(call.message);
  if (status != ESP_OK)
    throw Error(ErrorCode::plugin, fmt::format("{} failed ({}): {}", what, status_name(status), call.message), who);
  if (call.failed)
    throw Error(ErrorCode::plugin, fmt::format("{} reported a failure but returned OK: {}", what, call.message), who,
                kDefectHint);
}

}  // namespace espalier::plugin
