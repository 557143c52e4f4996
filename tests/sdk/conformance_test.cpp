// What holds for every plugin: one symbol, honest metadata, any host, clean state.
#include <espalier/cpp/text.hpp>

#include <cstring>

#include "catch.h"
#include "sdk/elf_symbols.h"
#include "sdk/loaded_plugin.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

/// Plugins that behave, with parameters that are enough to create them.
std::vector<std::pair<std::string, FakeConfig::Overrides>> good_plugins() {
  std::vector<std::pair<std::string, FakeConfig::Overrides>> out;
  for (const auto& [kind, name, params] : shipped_plugins()) out.emplace_back(plugin_path(name), params);
  for (const char* name :
       {"freeze_prefix", "zero_layer", "counter", "standard_score", "plugin_template", "plugin_template_cpp"}) {
    out.emplace_back(fixture_path(name), FakeConfig::Overrides{});
  }
  return out;
}

}  // namespace

TEST_CASE("every plugin exports one symbol", "[sdk][plugins]") {
  for (const auto& [path, params] : good_plugins()) {
    INFO(path);
    CHECK(exported_symbols(path) == std::vector<std::string>{ESP_ENTRY_SYMBOL});
  }
}

TEST_CASE("every plugin describes itself", "[sdk][plugins]") {
  for (const auto& [path, params] : good_plugins()) {
    INFO(path);
    PluginLibrary library(path);
    const esp_desc& desc = library.desc();
    CHECK(library.entry().magic == ESP_MAGIC);
    CHECK(library.entry().abi_major == ESP_ABI_MAJOR);
    CHECK(library.entry().min_host_minor <= ESP_ABI_MINOR);
    CHECK_THAT(library.id(), Contains("."));
    CHECK(library.id().substr(library.id().rfind('.') + 1) == espalier::sdk::view(desc.name));
    CHECK(desc.version.size > 0);
    CHECK(desc.summary.size > 0);
    for (std::uint32_t i = 0; i < desc.num_params; ++i) {
      CHECK(desc.params[i].struct_size == sizeof(esp_param));
      CHECK(desc.params[i].doc.size > 0);
      const bool required = (desc.params[i].flags & ESP_PARAM_REQUIRED) != 0;
      CHECK(required == (desc.params[i].default_value.size == 0));
    }
  }
}

TEST_CASE("the plugins that come with Espalier have the promised ids and cite their source", "[sdk][plugins]") {
  for (const auto& [kind, name, params] : shipped_plugins()) {
    PluginLibrary library(plugin_path(name));
    CHECK(library.id() == "org.espalier." + kind + "." + name);
    CHECK(library.desc().citation.size > 0);
  }
}

TEST_CASE("every plugin works in a bare host and in an older one", "[sdk][plugins]") {
  for (const auto& [path, params] : good_plugins()) {
    INFO(path);
    for (const FakeHost::Kind kind : {FakeHost::Kind::kBare, FakeHost::Kind::kOld}) {
      PluginLibrary library(path, kind);
      CHECK_NOTHROW(library.create(params));
    }
  }
}

TEST_CASE("unknown factories and extensions are NULL", "[sdk][plugins]") {
  for (const auto& [path, params] : good_plugins()) {
    INFO(path);
    PluginLibrary library(path);
    for (const char* id : {"", "esp.growth", "esp.growth/0x", "esp.growth/1", "esp.nothing/0"}) {
      CHECK(library.entry().factory(id) == nullptr);
    }
    const Object object = library.create(params);
    CHECK(object.get("esp.nothing/0") == nullptr);
    CHECK(object.get("") == nullptr);
  }
}

TEST_CASE("an id that the library does not have is refused", "[sdk][plugins]") {
  for (const auto& [path, params] : good_plugins()) {
    INFO(path);
    PluginLibrary library(path);
    const FakeConfig config(library.desc(), params, 100);
    for (const std::string& id : {std::string("org.example.other"), library.id() + "x", std::string()}) {
      CallRecord call;
      esp_object object{};
      object.struct_size = sizeof(esp_object);
      const void* vtable = nullptr;
      const esp_status status = library.factory().create(call.raw(), library.host().raw(), espalier::sdk::str(id),
                                                         config.raw(), &object, &vtable);
      CHECK(status == ESP_NOT_FOUND);
      CHECK(call.num_fails == 1);
      CHECK(vtable == nullptr);
    }
  }
}

TEST_CASE("a library can be initialised more than once", "[sdk][plugins]") {
  for (const auto& [path, params] : good_plugins()) {
    INFO(path);
    PluginLibrary first(path);
    {
      PluginLibrary second(path);
      CHECK_NOTHROW(second.create(params));
    }
    CHECK_NOTHROW(first.create(params));  // the second deinit() did not close the first
  }
}

TEST_CASE("create() needs init()", "[sdk][plugins]") {
  PluginLibrary library(fixture_path("zero_layer"));
  library.entry().deinit();
  CHECK_THROWS_WITH(library.create(), Contains("init()"));
  CallRecord call;
  REQUIRE(library.entry().init(call.raw(), library.host().raw()) == ESP_OK);
  CHECK_NOTHROW(library.create());
}

TEST_CASE("a host that is too old or of another major is refused by init(), with words", "[sdk][plugins]") {
  PluginLibrary library(plugin_path("midas"));
  for (const bool other_major : {true, false}) {
    FakeHost host;
    if (other_major) host.table().abi_major = ESP_ABI_MAJOR + 1;
    if (!other_major) host.table().abi_minor = 0;
    CallRecord call;
    CHECK(library.entry().init(call.raw(), host.raw()) == ESP_FAILED_PRECONDITION);
    CHECK_THAT(call.message, Contains("0.1 or newer"));
  }
}

TEST_CASE("plugins that carry moments like gradients say which host they need", "[sdk][plugins]") {
  for (const char* name : {"net2net", "bert2bert", "lemon", "zero"}) {
    INFO(name);
    PluginLibrary library(plugin_path(name));
    CHECK(library.entry().min_host_minor == 3);
    FakeHost host;
    host.table().abi_minor = 2;
    CallRecord call;
    CHECK(library.entry().init(call.raw(), host.raw()) == ESP_FAILED_PRECONDITION);
    CHECK_THAT(call.message, Contains("0.3 or newer"));
  }
}

TEST_CASE("saved state comes back byte for byte, in pieces of any size", "[sdk][plugins]") {
  for (const auto& [path, params] : good_plugins()) {
    INFO(path);
    PluginLibrary library(path);
    const Object object = library.create(params);
    const std::string state = object.save();
    CHECK(object.save(1) == state);
    CHECK(state.empty() == ((library.desc().claims & ESP_CLAIM_STATELESS) != 0));
    const Object other = library.create(params);
    other.load(state, library.desc().state_version, 1);
    CHECK(other.save() == state);
  }
}

TEST_CASE("damaged state is refused", "[sdk][plugins]") {
  for (const auto& [path, params] : good_plugins()) {
    INFO(path);
    PluginLibrary library(path);
    const Object object = library.create(params);
    const std::string state = object.save();
    const std::uint32_t version = library.desc().state_version;
    CHECK_THROWS_AS(object.load(state + "x", version), PluginError);
    if (!state.empty()) CHECK_THROWS_AS(object.load(state.substr(0, state.size() - 1), version), PluginError);
  }
}
