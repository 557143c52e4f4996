#include "core/plugin/registry.h"

#include <fstream>

#include "catch.h"
#include "tests/plugin/support.h"

using Catch::Contains;
using espalier::Error;
using espalier::ErrorCode;
using espalier::plugin::Kind;
using espalier::plugin::Listing;
using espalier::plugin::Registry;
using namespace espalier::test;

namespace {

// A folder with copies of these libraries.
void fill(const fs::path& folder, const std::vector<fs::path>& libraries) {
  fs::create_directories(folder);
  for (const fs::path& library : libraries) fs::copy_file(library, folder / library.filename());
}

const Listing* find(const Registry& registry, const fs::path& path) {
  for (const Listing& listing : registry.list())
    if (listing.path == path) return &listing;
  return nullptr;
}

// Nothing of the machine's own: only what a test adds is found.
struct CleanEnvironment {
  Variable plugins{"ESPALIER_PLUGIN_PATH", ""};
  Variable data{"XDG_DATA_HOME", "/nowhere"};
};

}  // namespace

TEST_CASE("the plugins that come with the host are found by id and by short name", "[plugin][registry]") {
  const Registry registry(options_for({kRealPlugins.string()}));
  for (const Listing& listing : registry.list()) {
    INFO(listing.path << ": " << listing.status);
    CHECK(listing.usable());
  }
  const Listing& midas = registry.resolve(Kind::growth, "midas", "");
  CHECK(midas.kind() == "growth");
  CHECK(midas.id() == registry.resolve(Kind::growth, midas.id(), "").id());
  CHECK(registry.resolve(Kind::schedule, "cosine", "").info.short_name() == "cosine");
  CHECK(registry.resolve(Kind::difficulty, "length", "").info.short_name() == "length");
}

TEST_CASE("libraries that fail are listed with the reason and affect no other", "[plugin][registry]") {
  const Registry registry(options_for({kFixtures.string()}));
  const auto status = [&](const char* name) {
    const Listing* listing = find(registry, kFixtures / (std::string(name) + ".so"));
    REQUIRE(listing != nullptr);
    CHECK(listing->failed());
    CHECK(listing->kind().empty());
    return listing->status;
  };
  CHECK(status("segfault_in_init") == "crashed: signal 11 (SIGSEGV)");
  CHECK_THAT(status("spin_in_init"), Contains("timed out"));
  CHECK_THAT(status("wrong_abi_major"), Contains("ABI 7"));
  CHECK(registry.resolve(Kind::schedule, "counter", "").usable());
  CHECK(registry.resolve(Kind::growth, "zero_layer", "").usable());
}

TEST_CASE("the first match in search order wins and the other is reported", "[plugin][registry]") {
  const CleanEnvironment clean;
  const TempDir dir;
  const fs::path library = kFixtures / "counter.so";
  for (const char* name : {"argument", "configured", "environment", "data/espalier/plugins"})
    fill(dir.path() / name, {library});
  const fs::path exe = dir.path() / "prefix" / "bin" / "espalier";
  fill(dir.path() / "prefix" / "lib" / "espalier" / "plugins", {library});
  const Variable environment("ESPALIER_PLUGIN_PATH", "/nowhere:" + (dir.path() / "environment").string());
  const Variable data("XDG_DATA_HOME", (dir.path() / "data").string());
  auto options = options_for({(dir.path() / "argument").string()});
  options.configured = {(dir.path() / "configured").string()};
  options.prefix = espalier::plugin::prefix_of(exe);

  const Registry registry(options);
  REQUIRE(registry.list().size() == 5);
  const char* order[] = {"argument", "configured", "environment", "data", "prefix"};
  for (size_t i = 0; i < 5; ++i) CHECK_THAT(registry.list()[i].path.string(), Contains(order[i]));
  CHECK(registry.list()[0].status == "ok");
  for (size_t i = 1; i < 5; ++i) CHECK(registry.list()[i].status == "shadowed by " + registry.list()[0].path.string());
  CHECK(&registry.resolve(Kind::schedule, "counter", "") == &registry.list()[0]);
}

TEST_CASE("one file reached by two ways is listed once", "[plugin][registry]") {
  const CleanEnvironment clean;
  const TempDir dir;
  fill(dir.path() / "a", {kFixtures / "counter.so"});
  fs::create_directory_symlink(dir.path() / "a", dir.path() / "b");
  const Registry registry(options_for({(dir.path() / "a" / "counter.so").string(), (dir.path() / "b").string()}));
  CHECK(registry.list().size() == 1);
}

TEST_CASE("files that are no libraries are left alone", "[plugin][registry]") {
  const CleanEnvironment clean;
  const TempDir dir;
  std::ofstream(dir.path() / "README.md") << "text";
  fs::create_directory(dir.path() / "folder.so");
  CHECK(Registry(options_for({dir.path().string()})).list().empty());
}

TEST_CASE("a missing plugin lists what there is and suggests", "[plugin][registry]") {
  const CleanEnvironment clean;
  const Registry registry(options_for({(kFixtures / "counter.so").string(), (kFixtures / "zero_layer.so").string()}));
  const auto error = [&](Kind kind, const std::string& name) {
    return error_of([&] { registry.resolve(kind, name, "run.toml:3:1"); });
  };
  const Error near = error(Kind::schedule, "conter");
  CHECK(near.code() == ErrorCode::plugin);
  CHECK(near.exit_code() == 6);
  CHECK(near.place() == "run.toml:3:1");
  CHECK_THAT(near.message(),
             Contains("no schedule plugin 'conter'") && Contains("available schedule plugins: counter"));
  CHECK(near.hint() == "did you mean 'counter'?");
  CHECK(error(Kind::growth, "counter").hint() == "'counter' is a schedule plugin");
  const Error none = error(Kind::difficulty, "length");
  CHECK_THAT(none.message(), Contains("there are no difficulty plugins"));
  CHECK_THAT(none.hint(), Contains("searched") && Contains("counter.so"));
}

TEST_CASE("a plugin whose library failed its probe says why when it is asked for", "[plugin][registry]") {
  const CleanEnvironment clean;
  const Registry registry(options_for({(kFixtures / "segfault_in_init.so").string()}));
  for (const char* name : {"segfault_in_init", "org.example.test.segfault_in_init"}) {
    const Error error = error_of([&] { registry.resolve(Kind::growth, name, "run.toml:3:1"); });
    CHECK(error.code() == ErrorCode::plugin);
    CHECK_THAT(error.message(), Contains("cannot be used") && Contains("crashed: signal 11"));
  }
}

TEST_CASE("a path that the user names must exist", "[plugin][registry]") {
  const Error error = error_of([] { Registry(options_for({"/nowhere/plugins"})); });
  CHECK(error.code() == ErrorCode::plugin);
  CHECK(error.place() == "--plugin-path /nowhere/plugins");
}

TEST_CASE("a library is loaded once and refused when it changed after its probe", "[plugin][registry]") {
  const CleanEnvironment clean;
  const TempDir dir;
  fill(dir.path(), {kFixtures / "counter.so"});
  Registry registry(options_for({dir.path().string()}));
  const Listing& listing = registry.resolve(Kind::schedule, "counter", "");
  const auto library = registry.open(listing);
  CHECK(registry.open(listing) == library);

  fill(dir.path() / "other", {kFixtures / "counter.so"});
  Registry stale(options_for({(dir.path() / "other").string()}));
  std::ofstream(dir.path() / "other" / "counter.so", std::ios::app) << "more";
  const Error error = error_of([&] { stale.open(stale.list().at(0)); });
  CHECK_THAT(error.message(), Contains("changed since it was probed"));
}

TEST_CASE("a second registry takes what it can from the cache", "[plugin][registry]") {
  const CleanEnvironment clean;
  const TempDir dir;
  const fs::path cache = dir.path() / "cache.json";
  auto options = options_for({(kFixtures / "counter.so").string(), (kFixtures / "no_entry.so").string()}, cache);
  const Registry first(options);
  options.exe = "/bin/false";  // nothing can be probed now
  const Registry second(options);
  CHECK(second.resolve(Kind::schedule, "counter", "").info == first.resolve(Kind::schedule, "counter", "").info);
  CHECK_THAT(second.list().at(1).status, Contains("exit code 1"));  // the failure was tried again
}
