#include "core/plugin/host_table.h"

#include <cfenv>
#include <cmath>
#include <cstring>
#include <thread>

#include "catch.h"
#include "tests/plugin/support.h"

using Catch::Contains;
using espalier::Error;
using espalier::ErrorCode;
using espalier::plugin::guarded_call;
using espalier::plugin::HostTable;
using espalier::test::error_of;

namespace {

const char kWhy[] = "num_layers must be even";

Error call_error(const HostTable& host, const std::function<esp_status(esp_call*)>& body) {
  return error_of([&] { guarded_call(host, "plan()", body); });
}

}  // namespace

TEST_CASE("the host table says who the host is", "[plugin][host]") {
  const HostTable host("org.example.x", 1, nullptr);
  const esp_host* table = host.table();
  CHECK(table->struct_size == sizeof(esp_host));
  CHECK(table->abi_major == ESP_ABI_MAJOR);
  CHECK(table->abi_minor == ESP_ABI_MINOR);
  CHECK(std::string(table->name.data, table->name.size) == "espalier");
  CHECK(table->version.size > 0);
  CHECK(&HostTable::of(table) == &host);
  CHECK(table->get(table, "esp.host.nothing/0") == nullptr);
  CHECK(table->get(table, nullptr) == nullptr);
  CHECK(table->get(table, ESP_HOST_RNG) != nullptr);
}

TEST_CASE("each way for a call to fail has its sentence", "[plugin][host]") {
  const HostTable host("org.example.x", 1, nullptr);
  const esp_host* table = host.table();
  CHECK_NOTHROW(guarded_call(host, "plan()", [](esp_call*) { return ESP_OK; }));

  const Error said = call_error(host, [&](esp_call* call) {
    table->fail(call, ESP_INVALID_ARGUMENT, kWhy, std::strlen(kWhy));
    table->fail(call, ESP_INTERNAL, "a later reason", 14);
    return ESP_INVALID_ARGUMENT;
  });
  CHECK(said.code() == ErrorCode::plugin);
  CHECK(said.place() == "org.example.x");
  CHECK(said.message() == "plan() failed (INVALID_ARGUMENT): num_layers must be even");

  CHECK(call_error(host, [](esp_call*) { return ESP_INTERNAL; }).message() ==
        "plan() returned INTERNAL without saying why");
  CHECK_THAT(call_error(host, [](esp_call*) { return 42; }).message(), Contains("status 42"));

  const Error both = call_error(host, [&](esp_call* call) {
    table->fail(call, ESP_INTERNAL, kWhy, std::strlen(kWhy));
    return ESP_OK;
  });
  CHECK_THAT(both.message(), Contains("reported a failure but returned OK"));

  const Error thrown = call_error(host, [](esp_call*) -> esp_status { throw std::runtime_error("boom"); });
  CHECK_THAT(thrown.message(), Contains("let a C++ exception out: boom"));
  CHECK_THAT(thrown.hint(), Contains("defect of the plugin"));
  CHECK_THAT(call_error(host, [](esp_call*) -> esp_status { throw 7; }).message(), Contains("exception"));
}

TEST_CASE("a message is cut and made valid text", "[plugin][host]") {
  const HostTable host("org.example.x", 1, nullptr);
  const std::string bytes = "bad \xff byte" + std::string(100000, 'x');
  const Error error = call_error(host, [&](esp_call* call) {
    host.table()->fail(call, ESP_INTERNAL, bytes.data(), bytes.size());
    return ESP_INTERNAL;
  });
  CHECK_THAT(error.message(), Contains("bad ? byte"));
  CHECK(error.message().size() < 5000);
  const Error null = call_error(host, [&](esp_call* call) {
    host.table()->fail(call, ESP_INTERNAL, nullptr, 100);
    return ESP_INTERNAL;
  });
  CHECK_THAT(null.message(), Contains("without saying why"));
}

TEST_CASE("scratch memory is aligned, usable and refuses what cannot be", "[plugin][host]") {
  const HostTable host("org.example.x", 1, nullptr);
  guarded_call(host, "plan()", [&](esp_call* call) {
    for (uint64_t align = 1; align <= 4096; align *= 2) {
      void* memory = host.table()->arena(call, 1000, align);
      REQUIRE(memory != nullptr);
      CHECK(reinterpret_cast<uintptr_t>(memory) % align == 0);
      std::memset(memory, 1, 1000);
    }
    CHECK(host.table()->arena(call, 0, 8) != nullptr);
    CHECK(host.table()->arena(call, 8, 0) == nullptr);
    CHECK(host.table()->arena(call, 8, 3) == nullptr);
    CHECK(host.table()->arena(call, UINT64_MAX, 8) == nullptr);
    CHECK(host.table()->arena(nullptr, 8, 8) == nullptr);
    return ESP_OK;
  });
}

TEST_CASE("scratch memory and failures may come from several threads", "[plugin][host]") {
  const HostTable host("org.example.x", 1, nullptr);
  const Error error = call_error(host, [&](esp_call* call) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&, t] {
        for (int i = 0; i < 200; ++i) std::memset(host.table()->arena(call, 64, 8), t, 64);
        host.table()->fail(call, ESP_INTERNAL, kWhy, std::strlen(kWhy));
      });
    for (std::thread& thread : threads) thread.join();
    return ESP_INTERNAL;
  });
  CHECK_THAT(error.message(), Contains(kWhy));
}

TEST_CASE("a plugin sees that the user asked to stop", "[plugin][host]") {
  std::atomic<bool> stop = false;
  const HostTable host("org.example.x", 1, &stop);
  guarded_call(host, "plan()", [&](esp_call* call) {
    CHECK(host.table()->cancelled(call) == 0);
    stop = true;
    CHECK(host.table()->cancelled(call) != 0);
    return ESP_OK;
  });
}

TEST_CASE("random numbers depend on seed, plugin, purpose and counter only", "[plugin][host]") {
  const auto draw = [](const char* id, uint64_t seed, const char* purpose, uint64_t counter, uint64_t count) {
    const HostTable host(id, seed, nullptr);
    std::vector<uint32_t> out(count);
    guarded_call(host, "plan()", [&](esp_call* call) {
      const auto* rng = static_cast<const esp_host_rng*>(host.table()->get(host.table(), ESP_HOST_RNG));
      rng->fill_u32(call, purpose, counter, out.data(), count);
      return ESP_OK;
    });
    return out;
  };
  const auto base = draw("a", 1, "p", 0, 7);
  CHECK(draw("a", 1, "p", 0, 7) == base);
  CHECK(draw("b", 1, "p", 0, 7) != base);
  CHECK(draw("a", 2, "p", 0, 7) != base);
  CHECK(draw("a", 1, "q", 0, 7) != base);
  CHECK(draw("a", 1, "p", 1, 7) != base);
  // A longer draw begins with the shorter one.
  const auto longer = draw("a", 1, "p", 0, 100);
  CHECK(std::vector<uint32_t>(longer.begin(), longer.begin() + 7) == base);
}

TEST_CASE("normal numbers look normal", "[plugin][host]") {
  const HostTable host("a", 5, nullptr);
  std::vector<float> out(20001);
  guarded_call(host, "plan()", [&](esp_call* call) {
    const auto* rng = static_cast<const esp_host_rng*>(host.table()->get(host.table(), ESP_HOST_RNG));
    rng->fill_normal(call, "p", 3, out.data(), out.size());
    return ESP_OK;
  });
  double sum = 0, squares = 0;
  for (const float x : out) sum += x, squares += double{x} * x;
  const auto n = static_cast<double>(out.size());
  CHECK(std::abs(sum / n) < 0.03);
  CHECK(std::abs(squares / n - 1) < 0.05);
}

TEST_CASE("a plugin that changes the rounding mode does not change ours", "[plugin][host]") {
  const HostTable host("a", 5, nullptr);
  const int before = std::fegetround();
  guarded_call(host, "plan()", [](esp_call*) { return std::fesetround(FE_UPWARD), ESP_OK; });
  CHECK(std::fegetround() == before);
}
