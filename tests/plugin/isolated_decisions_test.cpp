// Growth and schedule plugins in a process of their own: the same answers as in this one, and whatever they do costs an
// error and no more.
#include <chrono>

#include "catch.h"
#include "core/plugin/growth_adapter.h"
#include "core/plugin/schedule_adapter.h"
#include "tests/plugin/support.h"

using Catch::Contains;
using namespace espalier;
using namespace espalier::plugin;
using namespace espalier::test;

namespace {

Registry& registry() {
  static Registry all(options_for({kRealPlugins.string(), (kFixtures / "ends_badly.so").string()}));
  return all;
}

PluginSetup setup(bool isolated, std::chrono::milliseconds timeout = std::chrono::minutes(1)) {
  PluginSetup out;
  out.seed = 11;
  out.run.total_steps = 100;
  if (isolated) out.isolate = timeout;
  return out;
}

ModelSpec final_spec() {
  ModelSpec spec;
  spec.num_layers = 4, spec.d_model = 16, spec.num_heads = spec.num_kv_heads = 4, spec.head_dim = 4, spec.d_ff = 32;
  spec.vocab_size = 64, spec.seq_len = 16;
  return spec;
}

Progress progress_at(int64_t step) {
  Progress at;
  at.step = at.stage_step = step;
  at.total_steps = at.stage_total_steps = 100;
  at.num_stages = 2;
  at.lr_peak = 1e-3;
  return at;
}

SchedulePlugin schedule(const PluginChoice& choice, bool isolated, const std::vector<std::string>& keys = {"lr"},
                        std::chrono::milliseconds timeout = std::chrono::minutes(1)) {
  return make_schedule(registry(), choice, setup(isolated, timeout), keys, progress_at(0));
}
PluginChoice ends(const std::string& how, const std::string& in) {
  return choose("ends_badly", {{"how", value(how)}, {"in", value(in)}});
}

}  // namespace

TEST_CASE("an isolated growth strategy answers as one in this process", "[plugin][growth][isolated]") {
  const std::vector<PluginChoice> choices{choose("midas", {{"block_size", value(int64_t{2})}}),
                                          choose("ligo", {{"num_layers", list({int64_t{2}})},
                                                          {"d_model", list({int64_t{8}})},
                                                          {"num_heads", list({int64_t{2}})},
                                                          {"num_kv_heads", list({int64_t{2}})},
                                                          {"d_ff", list({int64_t{16}})}}),
                                          choose("net2net", {{"d_ff", list({int64_t{16}})}}),
                                          choose("raptr", {{"path_lengths", list({2.0})}})};
  for (const PluginChoice& choice : choices) {
    INFO(choice.plugin);
    const auto here = make_growth(registry(), choice, setup(false)),
               there = make_growth(registry(), choice, setup(true));
    CHECK(there.identity.sha256 == here.identity.sha256);
    CHECK(there.identity.params_json == here.identity.params_json);
    CHECK(there.strategy->claims_preserving() == here.strategy->claims_preserving());
    CHECK(there.strategy->preserve_tol() == here.strategy->preserve_tol());
    CHECK(there.strategy->shapes_steps() == here.strategy->shapes_steps());
    const int64_t stages = here.strategy->num_stages(final_spec());
    REQUIRE(there.strategy->num_stages(final_spec()) == stages);
    for (int64_t stage = 0; stage < stages; ++stage) {
      const ModelSpec spec = here.strategy->stage_spec(final_spec(), stage);
      CHECK(there.strategy->stage_spec(final_spec(), stage) == spec);
      Progress at = progress_at(stage * 50 + 3);
      at.stage = stage;
      at.num_stages = stages;
      StepShape mine = StepShape::everything(spec.num_layers), theirs = mine;
      here.strategy->fill_step_shape(at, spec, mine);
      there.strategy->fill_step_shape(at, spec, theirs);
      CHECK(theirs == mine);
      if (stage == 0 || spec == here.strategy->stage_spec(final_spec(), stage - 1)) continue;
      const ModelSpec before = here.strategy->stage_spec(final_spec(), stage - 1);
      CHECK(growth::canonical_bytes(there.strategy->plan(before, spec)) ==
            growth::canonical_bytes(here.strategy->plan(before, spec)));
    }
    const std::string state = here.strategy->save_state();
    CHECK(there.strategy->save_state() == state);
    there.strategy->load_state(state);
  }
}

TEST_CASE("an isolated schedule answers as one in this process", "[plugin][schedule][isolated]") {
  for (const std::string name : {"cosine", "wsd", "plateau"}) {
    INFO(name);
    const std::vector<std::string> keys{name == "plateau" ? "growth.stage" : "lr"};
    const auto here = schedule(choose(name), false, keys), there = schedule(choose(name), true, keys);
    CHECK(there.identity.params_json == here.identity.params_json);
    for (int64_t step = 0; step < 100; step += 7) {
      const Progress at = progress_at(step);
      CHECK(there.schedule->values(at) == here.schedule->values(at));
      for (const auto* one : {&here, &there})
        one->schedule->observe(at, {"train/loss", "val/loss"}, {2.0 + static_cast<double>(step % 3), 2.5});
    }
    const std::string state = here.schedule->save_state();
    CHECK(there.schedule->save_state() == state);
    there.schedule->load_state(state);
  }
  CHECK_THROWS_AS(schedule(choose("cosine"), true, {"data.tier.0"}), KeysRefused);
  const Error mine = error_of([] { schedule(choose("cosine", {{"warmup", value(int64_t{1000})}}), false); });
  const Error theirs = error_of([] { schedule(choose("cosine", {{"warmup", value(int64_t{1000})}}), true); });
  CHECK(theirs.code() == mine.code());
  CHECK(std::string(theirs.what()) == mine.what());
}

TEST_CASE("what an isolated schedule does costs an error and no more", "[plugin][schedule][isolated]") {
  for (const auto& [how, text] : std::map<std::string, std::string>{
           {"segfault", "signal 11"}, {"abort", "signal 6"}, {"exit", "exit"}, {"recursion", "signal 11"}}) {
    INFO(how);
    const Error at_bind = error_of([how = how] { schedule(ends(how, "bind"), true); });
    CHECK(at_bind.code() == ErrorCode::plugin);
    CHECK_THAT(at_bind.what(), Contains("org.example.test.ends_badly") && Contains(text) && Contains("bind(lr)"));
    const auto made = schedule(ends(how, "value"), true);
    const Error at_value = error_of([&] { made.schedule->value(progress_at(0)); });
    CHECK_THAT(at_value.what(), Contains("org.example.test.ends_badly") && Contains(text) && Contains("in value()"));
    CHECK_THAT(at_value.hint(), Contains("plugins.isolate"));
    CHECK_THAT(error_of([&] { made.schedule->save_state(); }).what(), Contains("its process has ended"));
  }
}

TEST_CASE("a stored plan is read with all checks", "[plugin][growth]") {
  const auto made = make_growth(registry(), choose("midas", {{"block_size", value(int64_t{2})}}), setup(false));
  const ModelSpec from = made.strategy->stage_spec(final_spec(), 0), to = final_spec();
  const std::string bytes = growth::canonical_bytes(made.strategy->plan(from, to));
  CHECK(growth::canonical_bytes(growth::plan_of_bytes(bytes, from, to, "here")) == bytes);
  const auto problem = [&](const std::string& text, const ModelSpec& old) {
    return error_of([&] { growth::plan_of_bytes(text, old, to, "here"); });
  };
  for (size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 97)
    CHECK(problem(bytes.substr(0, size), from).code() == ErrorCode::plugin);
  CHECK_THAT(problem(bytes + "12345678", from).what(), Contains("here"));
  ModelSpec narrow = from;
  narrow.d_model = narrow.head_dim * 2;
  narrow.num_heads = narrow.num_kv_heads = 2;
  CHECK(problem(bytes, narrow).code() == ErrorCode::plugin);
  for (size_t at = 0; at < bytes.size(); at += 1 + bytes.size() / 997) {
    std::string flipped = bytes;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x11);
    const Error error = problem(flipped, from);  // refused, or another valid plan
    if (error.code() == ErrorCode::internal) CHECK(error.message() == "no error");
  }
}

TEST_CASE("what a worker answers is checked here too", "[plugin][isolated]") {
  auto options = options_for({kRealPlugins.string()});
  options.exe = TEST_LYING_WORKER;
  Registry lying(options);
  const auto lr = make_schedule(lying, choose("cosine"), setup(true), {"lr"}, progress_at(0));
  CHECK_THAT(error_of([&] { lr.schedule->value(progress_at(0)); }).what(), Contains("expected a finite number"));
  const auto made = make_growth(lying, choose("midas", {{"block_size", value(int64_t{2})}}), setup(true));
  growth::Strategy& strategy = *made.strategy;
  CHECK_THAT(error_of([&] { strategy.num_stages(final_spec()); }).what(), Contains("num_stages() answered -3"));
  CHECK_THAT(error_of([&] { strategy.stage_spec(final_spec(), 0); }).what(), Contains("stage_dims() for stage 0"));
  StepShape shape = StepShape::everything(4);
  CHECK_THAT(error_of([&] { strategy.fill_step_shape(progress_at(0), final_spec(), shape); }).what(),
             Contains("another size than the model"));
  CHECK_THAT(error_of([&] { strategy.plan(final_spec(), final_spec()); }).what(), Contains("stored plan"));
}
