#include "sdk/fake_host.h"

#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>

#include "sdk/call_record.h"

namespace espalier::sdk_test {

namespace {

/// A number that depends on all of its inputs; good enough to tell draws apart.
std::uint32_t mixed(const char* purpose, std::uint64_t counter, std::uint64_t i) {
  std::uint64_t state = counter * 0x9E3779B97F4A7C15u + i * 0xBF58476D1CE4E5B9u;
  for (const char c : std::string_view(purpose)) state = (state ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  state ^= state >> 29;
  return static_cast<std::uint32_t>((state * 0x94D049BB133111EBu) >> 32);
}

void fill_u32(esp_call*, const char* purpose, std::uint64_t counter, std::uint32_t* out, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) out[i] = mixed(purpose, counter, i);
}

void fill_normal(esp_call*, const char* purpose, std::uint64_t counter, float* out, std::uint64_t count) {
  for (std::uint64_t i = 0; i < count; ++i) {
    float sum = -6;  // twelve uniform numbers
    for (std::uint64_t k = 0; k < 12; ++k) sum += static_cast<float>(mixed(purpose, counter, 12 * i + k)) * 0x1p-32f;
    out[i] = sum;
  }
}

constexpr esp_host_rng kRng = {sizeof(esp_host_rng), 0, &fill_u32, &fill_normal};
constexpr char kName[] = "test host";
constexpr char kVersion[] = "0.1.0";

}  // namespace

FakeHost::FakeHost(Kind kind) : has_extensions_(kind == Kind::kFull) {
  table_ = {sizeof(esp_host),
            ESP_ABI_MAJOR,
            ESP_ABI_MINOR,
            0,
            {kName, sizeof(kName) - 1},
            {kVersion, sizeof(kVersion) - 1},
            &FakeHost::get,
            &FakeHost::fail,
            &FakeHost::log,
            &FakeHost::arena,
            &FakeHost::cancelled};
  if (kind == Kind::kOld) {
    table_.struct_size = offsetof(esp_host, log);
    std::memset(reinterpret_cast<char*>(&table_) + table_.struct_size, 0xA5, sizeof(esp_host) - table_.struct_size);
  }
}

const FakeHost& FakeHost::of(const esp_host* host) {
  static_assert(offsetof(FakeHost, table_) == 0);
  return *reinterpret_cast<const FakeHost*>(host);
}

const void* FakeHost::get(const esp_host* host, const char* extension_id) {
  return of(host).has_extensions_ && std::strcmp(extension_id, ESP_HOST_RNG) == 0 ? &kRng : nullptr;
}

void FakeHost::fail(esp_call* call, esp_status status, const char* message, std::uint64_t size) {
  CallRecord& record = CallRecord::of(call);
  ++record.num_fails;
  record.status = status;
  record.message.assign(message, size);
}

void FakeHost::log(const esp_host* host, std::int32_t, const char* message, std::uint64_t size) {
  of(host).log_lines_.emplace_back(message, size);
}

void* FakeHost::arena(esp_call* call, std::uint64_t bytes, std::uint64_t align) {
  std::vector<std::unique_ptr<char[]>>& scratch = CallRecord::of(call).scratch;
  scratch.push_back(std::make_unique<char[]>(bytes + align));
  void* start = scratch.back().get();
  std::size_t space = bytes + align;
  return std::align(align, bytes, start, space);
}

std::int32_t FakeHost::cancelled(esp_call* call) {
  return CallRecord::of(call).cancelled ? 1 : 0;
}

}  // namespace espalier::sdk_test
