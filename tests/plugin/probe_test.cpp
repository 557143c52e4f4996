#include "core/plugin/probe.h"

#include <sys/wait.h>

#include <fstream>

#include "catch.h"
#include "core/base/file.h"
#include "core/plugin/probe_cache.h"
#include "tests/plugin/support.h"

using Catch::Contains;
using espalier::plugin::probe_in_child;
using espalier::plugin::ProbeCache;
using espalier::plugin::ProbeResult;
using namespace espalier::test;

namespace {

ProbeResult probe(const std::string& name, std::chrono::milliseconds timeout = std::chrono::seconds(10)) {
  return probe_in_child(TEST_PROBE_EXE, kFixtures / (name + ".so"), timeout);
}

}  // namespace

TEST_CASE("probing a correct library reports its plugins", "[plugin][probe]") {
  const ProbeResult result = probe("counter");
  CHECK(result.status == "ok");
  REQUIRE(result.plugins.size() == 1);
  CHECK(result.plugins[0].id == "org.example.test.counter");
  CHECK(result.plugins[0].params.at(0).key == "rate");
  CHECK(result.sha256 == espalier::sha256_file(kFixtures / "counter.so", espalier::ErrorCode::plugin));
}

TEST_CASE("a library that ends or stops the process costs a line of status", "[plugin][probe]") {
  CHECK(probe("segfault_in_init").status == "crashed: signal 11 (SIGSEGV)");
  CHECK(probe("abort_in_entry").status == "crashed: signal 6 (SIGABRT)");
  CHECK_THAT(probe("exit_in_constructor").status, Contains("exit code 3"));
  const auto begin = std::chrono::steady_clock::now();
  const ProbeResult hung = probe("spin_in_init", std::chrono::milliseconds(300));
  CHECK(hung.status == "timed out: not loaded after 0.3 s");
  CHECK(hung.plugins.empty());
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(5));
  CHECK(::waitpid(-1, nullptr, WNOHANG) == -1);  // no child is left over
}

TEST_CASE("a library that is refused says why", "[plugin][probe]") {
  CHECK_THAT(probe("wrong_abi_major").status, Contains("plugin ABI 7") && Contains("update Espalier"));
  CHECK_THAT(probe("needs_newer_host").status, Contains("0.1000"));
  CHECK_THAT(probe("no_entry").status, Contains("esp_entry_v0"));
  CHECK_THAT(probe("not_an_elf").status, Contains("cannot be loaded"));
  CHECK_THAT(probe("throw_in_init").status, Contains("C++ exception"));
  // In a process that has not caught anything before.
  CHECK_THAT(probe_in_child(TEST_PROBE_EXE, kOdd / "throw_own_runtime.so").status,
             Contains("C++ exception") && Contains("thrown by another runtime"));
  CHECK_THAT(probe("absent").status, Contains("No such file"));
}

TEST_CASE("a program that is no probe is named", "[plugin][probe]") {
  const fs::path library = kFixtures / "counter.so";
  CHECK_THAT(probe_in_child("/nowhere/espalier", library).status, Contains("/nowhere/espalier does not start"));
  CHECK_THAT(probe_in_child("/bin/true", library).status, Contains("exit code 0"));
  CHECK_THAT(probe_in_child("/bin/echo", library).status, Contains("unreadable report"));
  CHECK_THAT(probe_in_child("/bin/false", library).status, Contains("exit code 1"));
}

TEST_CASE("many libraries are probed in order, each on its own", "[plugin][probe]") {
  std::vector<fs::path> libraries;
  for (int i = 0; i < 3; ++i)
    for (const char* name :
         {"counter", "segfault_in_init", "absent", "plugin_template", "exit_in_constructor", "zero_layer"})
      libraries.push_back(kFixtures / (std::string(name) + ".so"));
  const auto results = probe_in_child(TEST_PROBE_EXE, libraries, std::chrono::seconds(10));
  REQUIRE(results.size() == libraries.size());
  for (size_t i = 0; i < results.size(); ++i) {
    CHECK(results[i].path == libraries[i]);
    const std::string name = libraries[i].stem().string();
    const bool works = name == "counter" || name == "plugin_template" || name == "zero_layer";
    INFO(name << ": " << results[i].status);
    CHECK(results[i].ok() == works);
    CHECK(results[i].plugins.size() == (works ? 1 : 0));
  }
  CHECK(probe_in_child(TEST_PROBE_EXE, std::vector<fs::path>{}).empty());
}

TEST_CASE("the cache knows a library by its content", "[plugin][probe]") {
  const TempDir dir;
  const fs::path file = dir.path() / "deep" / "cache.json";
  const ProbeResult good = probe("counter");
  {
    ProbeCache cache(file);
    ProbeResult asked;
    asked.sha256 = good.sha256;
    CHECK_FALSE(cache.find(asked));
    cache.add(good);
    cache.save();
  }
  ProbeCache cache(file);
  ProbeResult asked;
  asked.sha256 = good.sha256;
  REQUIRE(cache.find(asked));
  CHECK(asked.plugins == good.plugins);
  asked.sha256[0] = asked.sha256[0] == '0' ? '1' : '0';
  CHECK_FALSE(cache.find(asked));
}

TEST_CASE("failures are not remembered, and a damaged or unwritable cache is harmless", "[plugin][probe]") {
  const TempDir dir;
  const fs::path file = dir.path() / "cache.json";
  ProbeResult bad = probe("no_entry");
  ProbeCache cache(file);
  cache.add(bad);
  cache.save();
  CHECK_FALSE(cache.find(bad));
  CHECK_FALSE(fs::exists(file));

  for (const char* text : {"", "{", "[1]", "{\"a\": 1}"}) {
    std::ofstream(file) << text;
    ProbeCache damaged(file);
    ProbeResult asked = probe("counter");
    CHECK_FALSE(damaged.find(asked));
    damaged.add(asked);
    damaged.save();
    CHECK(ProbeCache(file).find(asked));
  }
  // A folder stands where the file should be.
  fs::create_directories(dir.path() / "taken" / "x");
  ProbeCache unwritable(dir.path() / "taken");
  unwritable.add(probe("counter"));
  CHECK_NOTHROW(unwritable.save());
  ProbeCache nowhere{fs::path()};
  nowhere.add(probe("counter"));
  CHECK_NOTHROW(nowhere.save());
}

TEST_CASE("the cache lies where the environment says", "[plugin][probe]") {
  const Variable home("HOME", "/h");
  {
    const Variable explicit_path("ESPALIER_PLUGIN_CACHE", "/x/cache.json");
    CHECK(espalier::plugin::default_probe_cache() == "/x/cache.json");
  }
  const Variable none("ESPALIER_PLUGIN_CACHE", "");
  {
    const Variable cache("XDG_CACHE_HOME", "/c");
    CHECK(espalier::plugin::default_probe_cache() == "/c/espalier/plugins-v0.json");
  }
  const Variable no_cache("XDG_CACHE_HOME", "");
  CHECK(espalier::plugin::default_probe_cache() == "/h/.cache/espalier/plugins-v0.json");
}
