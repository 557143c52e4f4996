#include "core/plugin/schedule_adapter.h"

#include "catch.h"
#include "tests/plugin/support.h"

using Catch::Contains;
using espalier::Error;
using espalier::ErrorCode;
using espalier::Progress;
using espalier::plugin::make_schedule;
using espalier::plugin::PluginSetup;
using espalier::plugin::SchedulePlugin;
using namespace espalier::test;

namespace {

const PluginSetup kSetup{.seed = 7, .run = {.total_steps = 1000}};

Progress at(int64_t step) {
  Progress progress;
  progress.step = step;
  progress.total_steps = 1000;
  progress.num_stages = 3;
  progress.lr_peak = 2e-3;
  return progress;
}

SchedulePlugin make(const std::string& mode, const std::vector<std::string>& keys = {"lr"}) {
  return make_schedule(bent(), bent_choice("schedule", mode), kSetup, keys, at(0));
}

std::string value_error(const std::string& mode, const std::string& key = "lr") {
  const SchedulePlugin made = make(mode, {key});
  const Error error = error_of([&] { made.schedule->values(at(5)); });
  CHECK(error.code() == ErrorCode::plugin);
  CHECK(error.place() == "org.example.test.bent_schedule");
  return error.message();
}

}  // namespace

TEST_CASE("a schedule fills the bound keys", "[plugin][schedule]") {
  const SchedulePlugin made = make("good", {"lr", "data.tier.0", "data.tier.1"});
  CHECK(made.schedule->values(at(3)) == std::vector<double>(3, 2e-3));
  CHECK(made.identity.id == "org.example.test.bent_schedule");
  CHECK(made.identity.kind == "schedule");
  CHECK(made.identity.version == "1.0.0");
  CHECK(made.identity.abi_minor == ESP_ABI_MINOR);
  CHECK(made.identity.sha256.size() == 64);
  CHECK_THAT(made.identity.params_json, Contains(R"("mode":"good")") && Contains(R"("after":"0.1dur")"));
  CHECK(made.identity.params.at("rate").items[0] == espalier::ParamScalar(0.5));
}

TEST_CASE("durations reach a plugin as steps and the seed as its random numbers", "[plugin][schedule]") {
  CHECK(make("steps").schedule->value(at(0)) == 100);
  const double first = make("random").schedule->value(at(3));
  CHECK(make("random").schedule->value(at(3)) == first);
  CHECK(make("random").schedule->value(at(4)) != first);
  const PluginSetup other{.seed = 8, .run = {.total_steps = 1000}};
  CHECK(make_schedule(bent(), bent_choice("schedule", "random"), other, {"lr"}, at(0)).schedule->value(at(3)) != first);
}

TEST_CASE("a schedule learns that the user asked to stop", "[plugin][schedule]") {
  std::atomic<bool> stop = false;
  PluginSetup setup = kSetup;
  setup.stop = &stop;
  const auto made = make_schedule(bent(), bent_choice("schedule", "cancelled"), setup, {"lr"}, at(0));
  CHECK(made.schedule->value(at(0)) == 0);
  stop = true;
  CHECK(made.schedule->value(at(0)) == 1);
}

TEST_CASE("wrong answers of a schedule are named", "[plugin][schedule]") {
  CHECK_THAT(value_error("no_output"), Contains("'lr' at step 5 is nan, expected a finite number"));
  CHECK_THAT(value_error("infinite"), Contains("is inf"));
  CHECK_THAT(value_error("negative"), Contains("negative"));
  CHECK_THAT(value_error("half_stage", "growth.stage"), Contains("whole number"));
  CHECK_THAT(value_error("steps", "growth.stage"), Contains("a stage that exists"));
  CHECK_THAT(value_error("writes_past_end"), Contains("more than 1 values"));
  CHECK_THAT(value_error("fails"), Contains("value() failed (OUT_OF_RANGE): the moon is in the wrong phase"));
  CHECK_THAT(value_error("fails_silently"), Contains("value() returned INTERNAL without saying why"));
  CHECK_THAT(value_error("fails_but_ok"), Contains("reported a failure but returned OK: changed my mind"));
}

TEST_CASE("a schedule that cannot be made says why", "[plugin][schedule]") {
  const auto make_error = [](const std::string& mode, const std::string& key) {
    const Error error = error_of([&] { make(mode, {key}); });
    CHECK(error.code() == ErrorCode::plugin);
    return error.message();
  };
  CHECK_THROWS_AS(make("good", {"unknown"}), espalier::plugin::KeysRefused);
  const Error refused = error_of([&] { make("good", {"unknown"}); });
  CHECK(refused.code() == ErrorCode::config);
  CHECK_THAT(refused.message(), Contains("bind(unknown) failed (UNIMPLEMENTED): cannot fill 'unknown'"));
  CHECK(refused.place() == "run.toml:7:1");
  CHECK_THAT(make_error("create_fails", "lr"), Contains("create() failed (FAILED_PRECONDITION): not today"));
  CHECK_THAT(make_error("create_no_object", "lr"), Contains("gave no object"));
}

TEST_CASE("parameters that do not fit are config errors before the plugin runs", "[plugin][schedule]") {
  const auto with = [](const char* key, const espalier::ParamValue& given) {
    return error_of([&] { make_schedule(bent(), choose("bent_schedule", {{key, given}}), kSetup, {"lr"}, at(0)); });
  };
  const Error unknown = with("raet", value(1.0));
  CHECK(unknown.code() == ErrorCode::config);
  CHECK(unknown.exit_code() == 2);
  CHECK(unknown.place() == "run.toml:9:5");
  CHECK(with("rat", value(1.0)).hint() == "did you mean 'rate'?");
  CHECK_THAT(with("count", value(int64_t{70})).message(), Contains("must be between 1 and 9"));
  CHECK_THAT(with("flag", value(1.0)).message(), Contains("expected true or false"));
}

TEST_CASE("a schedule's state survives a round trip", "[plugin][schedule]") {
  const SchedulePlugin first = make("observed");
  first.schedule->observe(at(1), {"train/loss", "train/lr"}, {3.0, 1e-3});
  first.schedule->observe(at(2), {"train/loss"}, {2.9});
  CHECK(first.schedule->value(at(2)) == 3);
  const std::string state = first.schedule->save_state();
  CHECK(first.schedule->save_state() == state);
  const SchedulePlugin second = make("observed");
  second.schedule->load_state(state);
  CHECK(second.schedule->value(at(2)) == 3);
  CHECK(second.schedule->save_state() == state);
  CHECK_THROWS_AS(second.schedule->load_state(state.substr(0, 100)), Error);
  CHECK_THAT(error_of([&] { second.schedule->load_state(""); }).message(), Contains("the state is short"));

  CHECK_THAT(error_of([] { make("save_fails").schedule->save_state(); }).message(), Contains("disk of my mind"));
  // One that writes once and does not look at how much went through loses its state, and is found out on loading.
  const std::string torn = make("does_not_loop").schedule->save_state();
  CHECK_THAT(error_of([&] { make("good").schedule->load_state(torn); }).message(), Contains("the state is short"));
}

TEST_CASE("a schedule without state or optional slots works", "[plugin][schedule]") {
  const SchedulePlugin stateless = make("no_state");
  CHECK(stateless.schedule->save_state().empty());
  CHECK_NOTHROW(stateless.schedule->load_state(""));
  CHECK_THAT(error_of([&] { stateless.schedule->load_state("x"); }).message(), Contains("cannot load any"));
  const SchedulePlugin older = make("short_table");
  CHECK(older.schedule->value(at(1)) == 2e-3);
  CHECK_NOTHROW(older.schedule->observe(at(1), {"train/loss"}, {1.0}));
}

TEST_CASE("schedules written with the SDK work through the adapter", "[plugin][schedule]") {
  espalier::plugin::Registry registry(options_for({(kFixtures / "counter.so").string()}));
  const auto counter = make_schedule(registry, choose("counter", {{"rate", value(1.0)}}), kSetup, {"lr"}, at(0));
  CHECK(counter.schedule->value(at(0)) == 2e-3);
  counter.schedule->observe(at(1), {"train/loss"}, {3.0});
  CHECK(counter.schedule->value(at(1)) == 1e-3);
  const std::string state = counter.schedule->save_state();
  const auto resumed = make_schedule(registry, choose("counter", {{"rate", value(1.0)}}), kSetup, {"lr"}, at(0));
  resumed.schedule->load_state(state);
  CHECK(resumed.schedule->value(at(1)) == 1e-3);
  CHECK_THROWS_AS(make_schedule(registry, choose("counter"), kSetup, {"growth.stage"}, at(0)), Error);
}

TEST_CASE("the template of the SDK works through the adapter", "[plugin][schedule]") {
  espalier::plugin::Registry registry(options_for({(kFixtures / "plugin_template.so").string()}));
  const auto made = make_schedule(registry, choose("steady", {{"factor", value(0.5)}}), kSetup, {"lr"}, at(0));
  CHECK(made.schedule->value(at(9)) == 1e-3);
  CHECK(made.schedule->save_state().empty());
}
