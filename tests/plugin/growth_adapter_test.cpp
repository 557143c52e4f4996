#include "core/plugin/growth_adapter.h"

#include <algorithm>

#include "catch.h"
#include "core/plugin/lent_ones.h"
#include "tests/plugin/support.h"

using Catch::Contains;
using espalier::Error;
using espalier::ErrorCode;
using espalier::ModelSpec;
using espalier::Progress;
using espalier::StepShape;
using espalier::plugin::GrowthPlugin;
using espalier::plugin::make_growth;
using espalier::plugin::PluginSetup;
using espalier::plugin::Registry;
using namespace espalier::test;

namespace {

ModelSpec final_spec() {
  ModelSpec spec;
  spec.num_layers = 4;
  spec.d_model = 16;
  spec.num_heads = 4;
  spec.num_kv_heads = 2;
  spec.head_dim = 4;
  spec.d_ff = 32;
  spec.vocab_size = 11;
  spec.seq_len = 8;
  return spec;
}

ModelSpec with_layers(int64_t num_layers) {
  ModelSpec spec = final_spec();
  spec.num_layers = num_layers;
  return spec;
}

const PluginSetup kSetup{.seed = 7, .run = {.total_steps = 1000}};

GrowthPlugin make(const std::string& mode) {
  return make_growth(bent(), bent_choice("growth", mode), kSetup);
}

std::string error_in(const std::string& mode, const std::function<void(espalier::growth::Strategy&)>& body) {
  const Error error = error_of([&] { body(*make(mode).strategy); });
  CHECK(error.code() == ErrorCode::plugin);
  CHECK(error.place() == "org.example.test.bent_growth");
  return error.message();
}

std::string stage_error(const std::string& mode, int64_t stage = 0) {
  return error_in(mode, [&](auto& strategy) { strategy.stage_spec(final_spec(), stage); });
}

std::string plan_error(const std::string& mode) {
  return error_in(mode, [](auto& strategy) { strategy.plan(with_layers(2), final_spec()); });
}

std::string shape_error(const std::string& mode) {
  return error_in(mode, [](auto& strategy) {
    StepShape shape = StepShape::everything(4);
    strategy.fill_step_shape({}, final_spec(), shape);
  });
}

}  // namespace

TEST_CASE("a strategy answers stages and a plan", "[plugin][growth]") {
  const GrowthPlugin made = make("good");
  auto& strategy = *made.strategy;
  CHECK(strategy.num_stages(final_spec()) == 2);
  CHECK(strategy.stage_spec(final_spec(), 0) == with_layers(2));
  CHECK(strategy.stage_spec(final_spec(), 1) == final_spec());
  const auto plan = strategy.plan(with_layers(2), final_spec());
  CHECK(plan.assignments.size() == espalier::param_infos(final_spec()).size());
  const auto sources = espalier::growth::plan_sources(plan);
  CHECK(sources.at("layers.3.attn.q.weight") == std::vector<std::string>{"layers.1.attn.q.weight"});
  CHECK(sources.at("embed.weight") == std::vector<std::string>{"embed.weight"});
  CHECK_FALSE(strategy.claims_preserving());
}

TEST_CASE("stages that cannot be are refused", "[plugin][growth]") {
  const auto count = [](auto& strategy) { strategy.num_stages(final_spec()); };
  CHECK_THAT(error_in("no_output", count), Contains("num_stages() answered 0"));
  CHECK_THAT(error_in("too_many_stages", count), Contains("4000000000"));
  CHECK_THAT(error_in("fails", count), Contains("num_stages() failed (OUT_OF_RANGE)"));
  CHECK_THAT(stage_error("wrong_last_stage", 1), Contains("stage 1 of 2: the last stage must be the model of [model]"));
  CHECK_THAT(stage_error("zero_layers"), Contains("num_layers must be at least 1"));
  CHECK_THAT(stage_error("too_wide"), Contains("d_model = 32 is above the final model's 16"));
  CHECK_THAT(stage_error("other_vocab"), Contains("vocab_size and seq_len"));
  CHECK_THAT(stage_error("odd_heads"), Contains("not a multiple"));
  CHECK_THAT(stage_error("norm_eps_nan"), Contains("norm_eps must be a finite number above 0, not nan"));
  CHECK_THAT(stage_error("norm_eps_negative"), Contains("norm_eps must be a finite number above 0, not -1e-05"));
}

TEST_CASE("a plan that is incomplete or wrong is refused with the first reason", "[plugin][growth]") {
  CHECK_THAT(plan_error("no_output"), Contains("the plan assigns nothing to"));
  CHECK_THAT(plan_error("unknown_param"), Contains("no parameter 'layers.0.attn.qq.weight'"));
  CHECK_THAT(plan_error("null_array"), Contains("gather: the index is a null pointer"));
  CHECK_THAT(plan_error("negative_rank"), Contains("full: a shape of -3 dimensions"));
  CHECK_THAT(plan_error("huge_count"), Contains("concat: the array of parts has 4000000000 items"));
  CHECK_THAT(plan_error("fails_silently"), Contains("plan() returned INTERNAL without saying why"));
  CHECK_THAT(plan_error("fails_but_ok"), Contains("returned OK"));
}

TEST_CASE("tables with holes are refused, an old short table is not", "[plugin][growth]") {
  CHECK_THAT(error_of([] { make("null_slot"); }).message(), Contains("lacks num_stages, stage_dims or plan"));
  CHECK_THAT(error_of([] { make("truncated_table"); }).message(), Contains("struct_size of its growth table is 16"));
  CHECK_NOTHROW(make("short_table").strategy->plan(with_layers(2), final_spec()));
}

TEST_CASE("a strategy shapes the step", "[plugin][growth]") {
  const GrowthPlugin made = make("good");
  REQUIRE(made.strategy->shapes_steps());
  StepShape shape = StepShape::everything(4);
  Progress progress;
  progress.step = 9;
  made.strategy->fill_step_shape(progress, final_spec(), shape);
  CHECK(shape == StepShape::everything(4));
  progress.step = 10;
  made.strategy->fill_step_shape(progress, final_spec(), shape);
  CHECK(shape.run == std::vector<uint8_t>{0, 1, 1, 1});
  CHECK(shape.scale == std::vector<float>{1, 2, 1, 1});
  CHECK_FALSE(shape.embed_trainable());
  CHECK(shape.head_trainable());

  const GrowthPlugin plain = make("no_step_shape");
  CHECK_FALSE(plain.strategy->shapes_steps());
  StepShape untouched = StepShape::everything(4);
  plain.strategy->fill_step_shape(progress, final_spec(), untouched);
  CHECK(untouched == StepShape::everything(4));
}

TEST_CASE("gates are the step's own unless the strategy says that they belong to the model", "[plugin][growth]") {
  const GrowthPlugin made = make("fades");
  StepShape shape = StepShape::everything(4);
  Progress progress;
  progress.step = 5;
  made.strategy->fill_step_shape(progress, final_spec(), shape);
  CHECK_FALSE(shape.in_evaluation);
  CHECK(shape.evaluated() == StepShape::everything(4));
  progress.step = 4;
  made.strategy->fill_step_shape(progress, final_spec(), shape);
  CHECK(shape.in_evaluation);
  REQUIRE(shape.unit_gate.size() == static_cast<size_t>(4 * final_spec().d_ff));
  CHECK(shape.unit_gate[3] == 0.5F);
  CHECK(std::count(shape.unit_gate.begin(), shape.unit_gate.end(), 1.0F) == 4 * final_spec().d_ff - 1);
  CHECK(shape.head_gate.empty());
  CHECK(shape.evaluated().unit_gate == shape.unit_gate);
}

TEST_CASE("lent ones are lent anew where a plugin wrote to them", "[plugin][growth]") {
  espalier::plugin::LentOnes ones;
  const float* first = ones.lend(1000);
  CHECK(std::count(first, first + 1000, 1.0F) == 1000);
  CHECK(ones.take().empty());
  for (const size_t place : {size_t{0}, size_t{1}, size_t{499}, size_t{998}, size_t{999}}) {
    ones.lend(1000)[place] = 0.25F;
    CHECK(ones.intact());
    const std::vector<float> written = ones.take();
    REQUIRE(written.size() == 1000);
    CHECK(written[place] == 0.25F);
    CHECK(std::count(written.begin(), written.end(), 1.0F) == 999);
    const float* again = ones.lend(1000);
    CHECK(std::count(again, again + 1000, 1.0F) == 1000);
    CHECK(ones.take().empty());
  }
  std::fill_n(ones.lend(7), 7, 2.0F);  // all alike, but not ones
  CHECK(ones.take() == std::vector<float>(7, 2.0F));
  ones.lend(7)[7] = 1.0F;
  CHECK_FALSE(ones.intact());
  CHECK(ones.lend(0) != nullptr);
  CHECK(ones.take().empty());
}

TEST_CASE("a step shape that cannot be is refused and leaves the old one", "[plugin][growth]") {
  CHECK_THAT(shape_error("writes_past_end"), Contains("past the end of an array"));
  CHECK_THAT(shape_error("scale_nan"), Contains("the scale of layer 1 is not finite"));
  CHECK_THAT(shape_error("trains_nothing"), Contains("leaves nothing to train"));
  CHECK_THAT(shape_error("fails"), Contains("step_shape.fill() failed"));
  const GrowthPlugin made = make("scale_nan");
  StepShape shape = StepShape::everything(4);
  CHECK_THROWS_AS(made.strategy->fill_step_shape({}, final_spec(), shape), Error);
  CHECK(shape == StepShape::everything(4));
}

TEST_CASE("misbehaving growth libraries are named", "[plugin][growth]") {
  const auto plan_of = [](const char* name) {
    Registry registry(options_for({(kFixtures / (std::string(name) + ".so")).string()}));
    const GrowthPlugin made = make_growth(registry, choose(name), kSetup);
    return error_of([&] { made.strategy->plan(with_layers(2), final_spec()); });
  };
  CHECK_THAT(plan_of("throw_in_plan").message(),
             Contains("plan() let a C++ exception out") && Contains("thrown across the ABI"));
  CHECK(plan_of("throw_in_plan").place() == "org.example.test.throw_in_plan");
  CHECK_THAT(plan_of("silent_failure").message(), Contains("plan() returned INTERNAL without saying why"));
  CHECK_THAT(plan_of("empty_plan").message(), Contains("assigns nothing to"));
}

TEST_CASE("a strategy written with the SDK works through the adapter", "[plugin][growth]") {
  Registry registry(options_for({(kFixtures / "zero_layer.so").string()}));
  const GrowthPlugin made = make_growth(registry, choose("zero_layer", {{"block_size", value(int64_t{2})}}), kSetup);
  CHECK(made.strategy->num_stages(final_spec()) == 2);
  CHECK(made.strategy->claims_preserving());
  CHECK(made.strategy->preserve_tol() == 1e-5);
  const auto plan = made.strategy->plan(with_layers(2), final_spec());
  CHECK(plan.preserving_tol == 1e-5);
  CHECK(made.strategy->save_state().empty());
  // Its own refusal arrives as words.
  const Error error = error_of([&] {
    make_growth(registry, choose("zero_layer", {{"block_size", value(int64_t{3})}}), kSetup)
        .strategy->num_stages(final_spec());
  });
  CHECK_THAT(error.message(), Contains("block_size 3 does not divide num_layers 4"));
}
