// The test plugins do what their names say: other tests rely on that.
#include <dlfcn.h>
#include <sys/wait.h>
#include <unistd.h>
#include <espalier/cpp/text.hpp>

#include <csignal>
#include <stdexcept>

#include "catch.h"
#include "sdk/elf_symbols.h"
#include "sdk/growth_run.h"
#include "sdk/schedule_run.h"

using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

const esp_entry* entry_of(const std::string& name) {
  void* handle = dlopen(fixture_path(name).c_str(), RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) return nullptr;
  const auto entry = reinterpret_cast<esp_entry_fn>(dlsym(handle, ESP_ENTRY_SYMBOL));
  return entry == nullptr ? nullptr : entry();
}

/// How a child process ends that loads the fixture and calls init(): wait() status. SIGALRM after one second.
int fate_of_probe(const std::string& name) {
  const pid_t child = fork();
  if (child == 0) {
    for (const int number : {SIGABRT, SIGSEGV, SIGALRM}) std::signal(number, SIG_DFL);
    alarm(1);
    const esp_entry* entry = entry_of(name);
    if (entry == nullptr) _exit(10);
    FakeHost host;
    CallRecord call;
    _exit(entry->init(call.raw(), host.raw()) == ESP_OK ? 0 : 11);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

}  // namespace

TEST_CASE("hostile fixtures end a probing process as their names say", "[sdk][fixtures]") {
  CHECK(WTERMSIG(fate_of_probe("abort_in_entry")) == SIGABRT);
  CHECK(WEXITSTATUS(fate_of_probe("exit_in_constructor")) == 3);
  CHECK(WTERMSIG(fate_of_probe("spin_in_init")) == SIGALRM);
  const int segfault = fate_of_probe("segfault_in_init");  // a sanitizer turns the signal into an exit status
  CHECK((WIFSIGNALED(segfault) ? WTERMSIG(segfault) == SIGSEGV : WEXITSTATUS(segfault) > 11));
  CHECK(WEXITSTATUS(fate_of_probe("no_entry")) == 10);
  CHECK(WEXITSTATUS(fate_of_probe("not_an_elf")) == 10);
}

TEST_CASE("fixtures of another ABI say so in their entry", "[sdk][fixtures]") {
  REQUIRE(entry_of("wrong_abi_major") != nullptr);
  CHECK(entry_of("wrong_abi_major")->abi_major == 7);
  REQUIRE(entry_of("needs_newer_host") != nullptr);
  CHECK(entry_of("needs_newer_host")->abi_major == ESP_ABI_MAJOR);
  CHECK(entry_of("needs_newer_host")->min_host_minor == 1000);
}

TEST_CASE("a library without entry exports nothing, and text is no library", "[sdk][fixtures]") {
  CHECK(exported_symbols(fixture_path("no_entry")).empty());
  CHECK_THROWS_WITH(exported_symbols(fixture_path("not_an_elf")), Contains("ELF"));
}

TEST_CASE("the throwing fixtures throw into their caller", "[sdk][fixtures]") {
  CHECK_THROWS_AS(PluginLibrary(fixture_path("throw_in_init")), std::runtime_error);
  PluginLibrary library(fixture_path("throw_in_plan"));
  const Object object = library.create();
  CHECK_THROWS_WITH(grow(object, {1}, 2), Contains("thrown across"));
}

TEST_CASE("one fixture assigns nothing, one fails without a word", "[sdk][fixtures]") {
  PluginLibrary empty(fixture_path("empty_plan"));
  CHECK_THROWS_WITH(grow(empty.create(), {1}, 2), Contains("not every parameter"));
  PluginLibrary silent(fixture_path("silent_failure"));
  const Object object = silent.create();
  const ToyModel from(1), to(2);
  FakePlan plan(from);
  CallRecord call;
  CHECK(object.table<esp_growth>().plan(object.self(), call.raw(), from.raw(), to.raw(), plan.raw()) == ESP_INTERNAL);
  CHECK(call.num_fails == 0);
}

TEST_CASE("zero_layer zeroes the output projections of new layers only", "[sdk][fixtures]") {
  PluginLibrary library(fixture_path("zero_layer"));
  CHECK((library.desc().claims & ESP_CLAIM_PRESERVING) != 0);
  CHECK(library.desc().preserve_tol == 1e-5);
  const Object growth = library.create();
  ToyModel from(2);
  from.label_layers({1, 2});
  const ToyModel to(3);
  FakePlan plan(from);
  call_ok(growth.table<esp_growth>().plan, growth.self(), from.raw(), to.raw(), plan.raw());
  CHECK(plan.assignments().size() == to.num_params());
  CHECK(plan.preserving() == 1e-5);
  for (const std::string zeroed : {"attn.o.weight", "attn.o.bias", "mlp.down.weight", "mlp.down.bias"}) {
    CHECK(plan.marker("layers.2." + zeroed) == 0);
    CHECK(plan.marker("layers.1." + zeroed) == 2);
  }
  CHECK(plan.source("layers.2.mlp.up.weight") == "layers.1.mlp.up.weight");
  CHECK(plan.assignments().at("layers.2.mlp.up.weight").moments == ESP_MOMENTS_ZERO);
  CHECK(plan.assignments().at("layers.1.mlp.up.weight").moments == ESP_MOMENTS_MAP);
}

TEST_CASE("false_claim copies layers yet claims to preserve", "[sdk][fixtures]") {
  PluginLibrary library(fixture_path("false_claim"));
  CHECK((library.desc().claims & ESP_CLAIM_PRESERVING) != 0);
  CHECK(grow(library.create(), {1, 2}, 3).labels == std::vector<double>{1, 2, 2});
}

TEST_CASE("freeze_prefix freezes what is old for the first steps of a stage", "[sdk][fixtures]") {
  PluginLibrary library(fixture_path("freeze_prefix"));
  const Object growth = library.create({{"block_size", "2"}, {"freeze_steps", "5"}, {"bypass_layer", "1"}});
  const auto* shaper = static_cast<const esp_growth_step_shape*>(growth.get(ESP_GROWTH_STEP_SHAPE));
  REQUIRE(shaper != nullptr);
  const auto shape_at = [&](std::uint32_t stage, std::uint64_t stage_step) {
    std::vector<std::uint8_t> run(4, 1), trainable(7, 1);
    std::vector<float> scale(4, 1);
    esp_step_shape shape{};
    shape.struct_size = sizeof(esp_step_shape);
    shape.num_layers = 4;
    shape.run = run.data();
    shape.scale = scale.data();
    shape.trainable = trainable.data();
    esp_progress at = run_start(100, 2);
    at.stage = stage;
    at.stage_step = stage_step;
    call_ok(shaper->fill, growth.self(), &at, &shape);
    CHECK(run == std::vector<std::uint8_t>{1, 0, 1, 1});
    CHECK(shape.phase == (stage == 1 && stage_step < 5 ? 1U : 0U));
    return trainable;
  };
  CHECK(shape_at(0, 0) == std::vector<std::uint8_t>(7, 1));
  CHECK(shape_at(1, 4) == std::vector<std::uint8_t>{0, 0, 1, 1, 0, 0, 0});
  CHECK(shape_at(1, 5) == std::vector<std::uint8_t>(7, 1));
  PluginLibrary midas(plugin_path("midas"));
  CHECK(midas.create({{"block_size", "1"}}).get(ESP_GROWTH_STEP_SHAPE) == nullptr);
}

TEST_CASE("counter depends on what it observed and carries it in its state", "[sdk][fixtures]") {
  PluginLibrary library(fixture_path("counter"));
  BoundSchedule counter(library, {{"rate", "1.0"}}, run_start(100), {"lr"});
  CHECK(counter.at_step(50) == 1.0);
  const esp_progress at = run_start(100);
  const esp_str name = espalier::sdk::str("train/loss");
  const double loss = 3;
  for (int i = 0; i < 3; ++i) {
    call_ok(counter.table().observe, counter.object().self(), &at, &name, &loss, std::uint32_t{1});
  }
  CHECK(counter.at_step(0) == 0.25);
  BoundSchedule resumed(library, {{"rate", "1.0"}}, run_start(100), {"lr"});
  resumed.object().load(counter.object().save(), 1);
  CHECK(resumed.at_step(0) == 0.25);
  CHECK_THROWS_WITH(resumed.object().load(counter.object().save(), 2), Contains("version 2"));
}

TEST_CASE("the C template schedules a constant learning rate", "[sdk][template]") {
  PluginLibrary library(fixture_path("plugin_template"));
  esp_progress start = run_start(100);
  start.lr_peak = 3e-4;
  BoundSchedule constant(library, {{"factor", "0.5"}}, start, {"lr"});
  CHECK(constant.at_step(0) == 1.5e-4);
  CHECK(constant.at_step(99) == 1.5e-4);
  CHECK(constant.next_change(std::uint64_t{0}) == UINT64_MAX);
  CHECK_THROWS_WITH(BoundSchedule(library, {}, start, {"growth.stage"}), Contains("lr"));
}

TEST_CASE("the C++ template copies the top layer", "[sdk][template]") {
  PluginLibrary library(fixture_path("plugin_template_cpp"));
  const Object growth = library.create({{"step", "2"}});
  CHECK(stage_layers(growth, 6) == std::vector<std::int64_t>{2, 4, 6});
  const GrownLayers grown = grow(growth, {1, 2}, 4);
  CHECK(grown.labels == std::vector<double>{1, 2, 2, 2});
  CHECK(grown.moments == std::vector<std::uint32_t>{1, 1, 0, 0});
}
