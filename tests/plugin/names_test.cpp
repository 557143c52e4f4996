// Which plugin a name means, when several want it.

#include "catch.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/plugin/instance.h"
#include "core/plugin/registry.h"
#include "tests/plugin/support.h"

using Catch::Contains;
using espalier::Error;
using espalier::ErrorCode;
using namespace espalier::plugin;
using namespace espalier::test;

namespace {

// With the plugins that come with Espalier behind these, as in the program.
RegistryOptions with_shipped(const std::vector<fs::path>& libraries) {
  std::vector<std::string> paths;
  for (const fs::path& library : libraries) paths.push_back(library.string());
  RegistryOptions options = options_for(paths);
  options.prefix = kRealPlugins.parent_path().parent_path().parent_path();
  return options;
}

const Listing& of(const Registry& registry, const fs::path& path) {
  for (const Listing& listing : registry.list())
    if (listing.path == path) return listing;
  FAIL("not listed: " << path);
  return registry.list().front();
}

struct CleanEnvironment {
  Variable plugins{"ESPALIER_PLUGIN_PATH", ""};
  Variable data{"XDG_DATA_HOME", "/nowhere"};
};

Error error_for(const Registry& registry, Kind kind, const std::string& name) {
  return error_of([&] { registry.resolve(kind, name, "run.toml:3:1"); });
}

}  // namespace

TEST_CASE("a short name that two plugins have is refused with their ids", "[plugin][names]") {
  const CleanEnvironment clean;
  const Registry registry(with_shipped({named("other_cosine")}));
  const Error error = error_for(registry, Kind::schedule, "cosine");
  CHECK(error.code() == ErrorCode::plugin);
  CHECK(error.place() == "run.toml:3:1");
  CHECK_THAT(error.message(), Contains("com.other.schedule.cosine") && Contains("org.espalier.schedule.cosine") &&
                                  Contains(named("other_cosine").string()));
  CHECK(registry.resolve(Kind::schedule, "com.other.schedule.cosine", "").path == named("other_cosine"));
  CHECK(registry.resolve(Kind::schedule, "org.espalier.schedule.cosine", "").path == kRealPlugins / "cosine.so");
  CHECK(of(registry, named("other_cosine")).same_short_name ==
        std::vector<std::string>{"org.espalier.schedule.cosine"});
  CHECK(registry.resolve(Kind::schedule, "wsd", "").same_short_name.empty());
}

TEST_CASE("ids of org.espalier are kept for what comes with Espalier", "[plugin][names]") {
  const CleanEnvironment clean;
  const Registry registry(with_shipped({named("false_cosine"), named("upper_cosine")}));
  for (const char* name : {"false_cosine", "upper_cosine"}) {
    const Listing& listing = of(registry, named(name));
    CHECK_FALSE(listing.usable());
    CHECK_FALSE(listing.failed());
    CHECK_THAT(listing.status, Contains("refused") && Contains("give it an id of your own"));
  }
  // Neither by its place in front nor by its name does it get between.
  CHECK(registry.resolve(Kind::schedule, "cosine", "").path == kRealPlugins / "cosine.so");
  CHECK(registry.resolve(Kind::schedule, "org.espalier.schedule.cosine", "").path == kRealPlugins / "cosine.so");
  CHECK_THAT(error_for(registry, Kind::schedule, "Org.Espalier.schedule.cosine").message(),
             Contains("refused") && Contains(named("upper_cosine").string()));

  const Registry alone(options_for({named("false_cosine").string()}));
  const Error error = error_for(alone, Kind::schedule, "cosine");
  CHECK_THAT(error.message(), Contains("cannot be used") && Contains(named("false_cosine").string()) &&
                                  Contains("belong to the plugins that come with Espalier"));
}

TEST_CASE("a copy of a shipped library is the shipped library", "[plugin][names]") {
  const CleanEnvironment clean;
  const TempDir dir;
  fs::copy_file(kRealPlugins / "cosine.so", dir.path() / "cosine.so");
  fs::create_symlink(kRealPlugins / "wsd.so", dir.path() / "wsd.so");
  const Registry registry(with_shipped({dir.path()}));
  const Listing& copy = of(registry, dir.path() / "cosine.so");
  CHECK(copy.shadowed_by == kRealPlugins / "cosine.so");
  CHECK_THAT(copy.status, Contains("shadowed by") && Contains("copy"));
  CHECK(registry.resolve(Kind::schedule, "cosine", "").path == kRealPlugins / "cosine.so");
  CHECK(registry.resolve(Kind::schedule, "wsd", "").usable());
}

TEST_CASE("of one id in two libraries the first in search order is used", "[plugin][names]") {
  const CleanEnvironment clean;
  const Registry registry(options_for({named("mine_too").string(), named("mine").string()}));
  const Listing& used = registry.resolve(Kind::schedule, "mine", "");
  CHECK(used.path == named("mine_too"));
  CHECK(registry.shadows(used) == std::vector<fs::path>{named("mine")});
  CHECK(of(registry, named("mine")).shadowed_by == named("mine_too"));
  CHECK(used.same_short_name.empty());  // the same plugin, not another
}

TEST_CASE("the templates of the SDK are in nobody's way", "[plugin][names]") {
  const CleanEnvironment clean;
  const Registry registry(with_shipped({kFixtures / "plugin_template.so", kFixtures / "plugin_template_cpp.so"}));
  for (const char* name : {"plugin_template.so", "plugin_template_cpp.so"}) {
    const Listing& listing = of(registry, kFixtures / name);
    CHECK(listing.usable());
    CHECK(listing.same_short_name.empty());
  }
}

TEST_CASE("names that a table, a terminal or TOML cannot hold are refused", "[plugin][names]") {
  const auto status = [](const char* name) { return probe_in_child(TEST_PROBE_EXE, named(name)).status; };
  CHECK_THAT(status("short_id"), Contains("'com.cosine'") && Contains("reverse DNS"));
  CHECK_THAT(status("id_with_escape"), Contains("id with a control character") && !Contains("\033"));
  CHECK_THAT(status("key_with_space"), Contains("'a key'"));
  CHECK_THAT(status("doc_with_line"), Contains("parameter doc with a control character"));
}

TEST_CASE("whoever asks for a plugin hears of every library that could not be used", "[plugin][names]") {
  const CleanEnvironment clean;
  const Registry registry(options_for(
      {named("mine").string(), (kFixtures / "no_entry.so").string(), (kFixtures / "not_an_elf.so").string()}));
  const Error error = error_for(registry, Kind::schedule, "absent");
  CHECK_THAT(error.message(), Contains((kFixtures / "no_entry.so").string()) && Contains("does not export") &&
                                  Contains("not_an_elf.so: cannot be loaded"));
  CHECK_THAT(error.hint(), Contains("searched") && Contains(named("mine").string()));
}

TEST_CASE("over all kinds a name is found, missed or ambiguous", "[plugin][names]") {
  const CleanEnvironment clean;
  const Registry registry(with_shipped({named("other_cosine")}));
  CHECK(registry.resolve("midas", "plugin info").kind() == "growth");
  CHECK(registry.resolve("wsd", "plugin info").kind() == "schedule");
  const Error missing = error_of([&] { registry.resolve("wsdd", "plugin info"); });
  CHECK_THAT(missing.message(), Contains("no plugin 'wsdd'") && Contains("available schedule plugins") &&
                                    Contains("available growth plugins") && !Contains("no growth plugin"));
  CHECK(missing.hint() == "did you mean 'wsd'?");
  CHECK_THAT(error_of([&] { registry.resolve("cosine", "plugin info"); }).message(), Contains("2 plugins"));
}

TEST_CASE("a run that goes on says what it was written with and looks where that lay", "[plugin][names]") {
  const CleanEnvironment clean;
  const TempDir dir;
  const fs::path library = dir.path() / "mine.so";
  auto options = options_for({});
  options.configured = {(dir.path() / "gone").string()};
  options.resumed = {{"com.other.schedule.mine", "1.2.3", std::string(64, 'a'), library.string()}};
  {
    const Registry registry(options);  // a path of then that is gone is no reason to stop
    const Error error = error_for(registry, Kind::schedule, "com.other.schedule.mine");
    CHECK_THAT(error.message(), Contains("1.2.3") && Contains(std::string(64, 'a')) && Contains(library.string()));
    CHECK_THAT(error.hint(),
               Contains((dir.path() / "gone").string() + " (does not exist)") && Contains("--plugin-path"));
  }
  fs::copy_file(named("mine"), library);
  const Registry registry(options);
  CHECK(registry.resolve(Kind::schedule, "com.other.schedule.mine", "").path == library);
  options.resumed.clear();
  CHECK(error_of([&] { Registry fresh(options); }).place() == "[plugins].paths");
}

TEST_CASE("a path that begins with ~ is in the home folder", "[plugin][names]") {
  const CleanEnvironment clean;
  const TempDir dir;
  const Variable home("HOME", dir.path().string());
  fs::create_directory(dir.path() / "plugins");
  fs::copy_file(named("mine"), dir.path() / "plugins" / "mine.so");
  CHECK(Registry(options_for({"~/plugins"})).list().size() == 1);
  auto options = options_for({});
  options.configured = {"~/plugins/mine.so"};
  CHECK(Registry(options).list().at(0).path == dir.path() / "plugins" / "mine.so");
  const Variable environment("ESPALIER_PLUGIN_PATH", "/nowhere:~/plugins");
  CHECK(Registry(options_for({})).list().size() == 1);
}

TEST_CASE("an object that cannot be ended or used is named for what it lacks", "[plugin][names]") {
  const CleanEnvironment clean;
  Registry registry(options_for({named("no_destroy").string(), named("no_table").string()}));
  const auto message = [&](const char* name) {
    const Error error = error_of([&] { PluginInstance(registry, Kind::schedule, choose(name), {}); });
    CHECK(error.code() == ErrorCode::plugin);
    return error.message();
  };
  CHECK_THAT(message("no_destroy"), Contains("destroy is NULL") && !Contains("gave no object"));
  CHECK_THAT(message("no_table"), Contains("*vtable NULL"));
}
