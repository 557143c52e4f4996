#include "core/plugin/library.h"

#include <dlfcn.h>

#include "catch.h"
#include "core/base/file.h"
#include "tests/plugin/support.h"

using Catch::Contains;
using espalier::Error;
using espalier::ErrorCode;
using espalier::plugin::Kind;
using espalier::plugin::PluginLibrary;
using namespace espalier::test;

namespace {

Error open_error(const fs::path& path) {
  return error_of([&] { PluginLibrary::open(path); });
}

}  // namespace

TEST_CASE("a correct library tells what it offers and who it is", "[plugin][library]") {
  const auto library = PluginLibrary::open(kFixtures / "plugin_template.so");
  REQUIRE(library->plugins().size() == 1);
  const auto& info = library->plugins()[0];
  CHECK(info.id == "org.example.schedule.steady");
  CHECK(info.short_name() == "steady");
  CHECK(info.kind == Kind::schedule);
  CHECK(info.version == "0.1.0");
  REQUIRE(info.params.size() == 1);
  CHECK(info.params[0].key == "factor");
  CHECK(info.params[0].default_literal == "1.0");
  CHECK(library->sha256() == espalier::sha256_file(library->path(), ErrorCode::plugin));
  CHECK(library->path().is_absolute());
  CHECK_NOTHROW(library->factory(Kind::schedule));
  CHECK_THROWS_AS(library->factory(Kind::growth), Error);
}

TEST_CASE("a library with longer structs than ours is read by its own sizes", "[plugin][library]") {
  const auto library = PluginLibrary::open(kOdd / "odd_wide_structs.so");
  REQUIRE(library->plugins().at(0).params.size() == 2);
  CHECK(library->plugins()[0].params[1].key == "rate");
  CHECK(library->plugins()[0].params[1].default_literal == "0.5");
  CHECK(library->abi_minor() == ESP_ABI_MINOR + 5);  // newer, but content with this host
}

TEST_CASE("init and deinit are paired and the code stays loaded", "[plugin][library]") {
  const fs::path path = kOdd / "odd_correct.so";
  auto first = PluginLibrary::open(path);
  const auto users_of = [](const PluginLibrary& library) {
    void* handle = ::dlopen(library.loaded_as().c_str(), RTLD_NOW | RTLD_NOLOAD);
    REQUIRE(handle != nullptr);
    const auto users = reinterpret_cast<int (*)()>(::dlsym(handle, "espalier_test_users"));
    REQUIRE(users != nullptr);
    ::dlclose(handle);
    return users;
  };
  const auto users = users_of(*first);
  CHECK(users() == 1);
  auto second = PluginLibrary::open(path);  // a copy of its own
  const auto other_users = users_of(*second);
  CHECK(other_users() == 1);
  CHECK(users() == 1);
  first.reset();
  CHECK(users() == 0);  // callable: the library was not unloaded
  CHECK(other_users() == 1);
  second.reset();
  CHECK(other_users() == 0);
}

TEST_CASE("a library of another ABI says who is too old and what to do", "[plugin][library]") {
  const Error major = open_error(kFixtures / "wrong_abi_major.so");
  CHECK(major.code() == ErrorCode::plugin);
  CHECK_THAT(major.place(), Contains("wrong_abi_major.so"));
  CHECK_THAT(major.message(), Contains("built for plugin ABI 7."));
  CHECK(major.hint() == "update Espalier");

  const Error minor = open_error(kFixtures / "needs_newer_host.so");
  CHECK_THAT(minor.message(), Contains("needs an Espalier with plugin ABI 0.1000 or newer, this one has 0." +
                                       std::to_string(ESP_ABI_MINOR)));
  CHECK_THAT(minor.hint(), Contains("update Espalier"));

  const Error symbol = open_error(kOdd / "odd_other_major.so");
  CHECK_THAT(symbol.message(), Contains("was built for plugin ABI 3"));
}

TEST_CASE("what is no plugin is refused with a sentence", "[plugin][library]") {
  CHECK_THAT(open_error(kFixtures / "no_entry.so").message(), Contains("does not export esp_entry_v0"));
  CHECK_THAT(open_error(kFixtures / "not_an_elf.so").message(), Contains("cannot be loaded"));
  CHECK_THAT(open_error(kFixtures / "absent.so").message(), Contains("No such file"));
  CHECK_THAT(open_error(kOdd / "odd_magic.so").message(), Contains("its magic is 0xdeadbeef"));
  CHECK_THAT(open_error(kOdd / "odd_null_entry.so").message(), Contains("null pointer"));
  CHECK_THAT(open_error(kOdd / "odd_short_entry.so").message(), Contains("struct_size of its entry"));
  CHECK_THAT(open_error(kOdd / "odd_huge_entry.so").message(), Contains("struct_size of its entry"));
  CHECK_THAT(open_error(kOdd / "odd_no_kind.so").message(), Contains("offers no plugin"));
}

TEST_CASE("a library with a wrong description is refused with a sentence", "[plugin][library]") {
  CHECK_THAT(open_error(kOdd / "odd_bad_default.so").message(),
             Contains("the default is `0`") && Contains("at least 1"));
  CHECK_THAT(open_error(kOdd / "odd_not_utf8.so").message(), Contains("id that is not UTF-8"));
  CHECK_THAT(open_error(kOdd / "odd_same_id_twice.so").message(), Contains("'org.example.test.odd' twice"));
  CHECK_THAT(open_error(kOdd / "odd_no_create.so").message(), Contains("no create()"));
}

TEST_CASE("an init that fails or throws is reported", "[plugin][library]") {
  CHECK_THAT(open_error(kOdd / "odd_silent_init.so").message(),
             Contains("init() returned FAILED_PRECONDITION without saying why"));
  CHECK_THAT(open_error(kFixtures / "throw_in_init.so").message(),
             Contains("init() let a C++ exception out") && Contains("thrown across the ABI"));
}
