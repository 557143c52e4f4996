// The values that a run is made of, each from those before it.
#include "catch.h"
#include "core/base/error.h"
#include "core/run/plan.h"
#include "run/support.h"

using namespace espalier;
using Catch::Contains;

namespace {

struct Values {
  explicit Values(const RunConfig& config)
      : host(open_plugins(config, {})), spec(final_spec_of(config, planned_vocab_size(config))) {
    steps = make_steps(config, host, spec, 0);
    shape = make_shape(config, host, spec, steps.length);
    plan = make_plan(config, host, steps, shape);
  }
  PluginHost host;
  ModelSpec spec;
  RunSteps steps;
  RunShape shape;
  RunPlan plan;
};

}  // namespace

TEST_CASE("data alone: tokenizer, tokens and tiers, and nothing of the plan is looked at", "[run][values]") {
  const TempDir dir;
  const RunConfig config =
      small_run(dir, "[difficulty]\nplugin = \"length\"\ntiers = 3\n[growth]\nplugin = \"nowhere\"\n");
  const PluginHost host = open_plugins(config, {});
  const RunData data = make_data(config, host);
  CHECK(data.tokenizer->vocab_size() == 257);
  CHECK(planned_vocab_size(config) == 257);
  CHECK(data.prepared->sources.front().train.num_tokens() > 8000);
  CHECK(describe(data) ==
        "data: 9,891 tokens to train on from 1 source, 0 held out, a vocabulary of 257, in 3 tiers of difficulty");
  REQUIRE(data.plugins.size() == 1);
  CHECK(data.plugins.front().slot == "difficulty");
  CHECK(data.plugins.front().identity.id == "org.espalier.difficulty.length");
}

TEST_CASE("the vocabulary that is planned is the one that the data has", "[run][values]") {
  const TempDir dir;
  RunConfig config = small_run(dir);
  CHECK(planned_vocab_size(config) == make_data(config, open_plugins(config, {})).tokenizer->vocab_size());
  config.data.tokenizer = "bpe";
  config.data.vocab_size = 512;
  CHECK(planned_vocab_size(config) == 512);
}

TEST_CASE("a run of tokens, epochs or steps has so many steps", "[run][values]") {
  const TempDir dir;
  const auto total = [&](const std::string& steps, int64_t epoch) {
    const RunConfig config = small_run(dir, "", {"training.steps=" + steps});
    return make_steps(config, open_plugins(config, {}), final_spec_of(config, 257), epoch).total_steps();
  };
  CHECK(total("12", 0) == 12);
  CHECK(total("\"1280tok\"", 0) == 10);  // 4 rows of 32
  CHECK(total("\"1281tok\"", 0) == 11);
  CHECK(total("\"2ep\"", 1280) == 20);
  CHECK_THROWS_WITH(total("\"2ep\"", 0), Contains("number of tokens of an epoch"));
  CHECK_THROWS_WITH(total("\"1e18tok\"", 0), Contains("more than 2^53 tokens"));
}

TEST_CASE("a batch ramp in a run of tokens: the sizes add up to the tokens", "[run][values]") {
  const TempDir dir;
  const RunConfig config = small_run(dir,
                                     "global_batch = 32\n[schedule.batch]\nplugin = \"ramp-up\"\nparams = { start = 4, "
                                     "end = 32, increment = 4, length = \"0.5dur\" }\n",
                                     {"training.steps=\"102400tok\""});
  const RunSteps steps = make_steps(config, open_plugins(config, {}), final_spec_of(config, 257), 0);
  int64_t tokens = 0;
  for (int64_t step = 0; step < steps.total_steps(); ++step) tokens += steps.sizes.at(step).tokens;
  CHECK(tokens >= 102400);
  CHECK(tokens - steps.sizes.at(steps.total_steps() - 1).tokens < 102400);
  CHECK(steps.sizes.at(0).sequences == 4);
  CHECK(steps.sizes.at(steps.total_steps() - 1).sequences == 32);
  CHECK(steps.total_steps() > 100);  // 100 of the full batch
  REQUIRE(steps.plugins.size() == 1);
  CHECK(steps.plugins.front().slot == "schedule.batch");
}

TEST_CASE("what a resumed run has behind it counts as it was", "[run][values]") {
  const TempDir dir;
  TrainState state;
  state.step = 6;
  state.tokens = 6 * 128;
  state.trained.add({4, 32, 128}, 128);
  state.trained.steps = 6;
  RunConfig config = small_run(dir, "", {"training.steps=\"1536tok\"", "training.global_batch=8"});
  const PluginHost host = open_plugins(config, {});
  CHECK(make_steps(config, host, final_spec_of(config, 257), 0).total_steps() == 6);
  const RunSteps resumed = make_steps(config, host, final_spec_of(config, 257), 0, &state);
  CHECK(resumed.total_steps() == 9);  // 768 tokens to go, 256 a step
  CHECK(resumed.sizes.tokens_before(6) == 768);
  CHECK(resumed.sizes.at(6).tokens == 256);
  CHECK(describe(resumed) == "length: 9 steps, 1,536 tokens; 6 steps are done");
}

TEST_CASE("an interval is a period of full batches", "[run][values]") {
  const TempDir dir;
  const RunConfig config = small_run(dir);
  const RunSteps steps = make_steps(config, open_plugins(config, {}), final_spec_of(config, 257), 0);
  CHECK(steps.interval(Duration::of_steps(0), "x") == 0);
  CHECK(steps.interval(Duration::of_steps(5), "x") == 5);
  CHECK(steps.interval(Duration::parse("0.25dur", "x"), "x") == 3);
  CHECK(steps.interval(Duration::parse("1tok", "x"), "x") == 1);
}

TEST_CASE("shape and plan: stages, decisions and who makes them", "[run][values]") {
  const TempDir dir;
  const Values grows(small_run(dir,
                               "[growth]\nplugin = \"midas\"\nparams = { block_size = 2 }\n"
                               "[schedule.growth]\nplugin = \"prop-alpha\"\n"));
  CHECK(grows.shape.num_stages == 2);
  CHECK(grows.plan.decisions.strategy == grows.shape.strategy());
  CHECK(grows.plan.timeline.stages.size() == 2);
  CHECK(grows.plan.timeline.stages.front().spec.num_layers == 2);
  CHECK(grows.plan.timeline.stages.back().spec == grows.spec);
  std::vector<std::string> slots;
  for (const auto& use : plugins_of({grows.steps.plugins, grows.shape.plugins(), grows.plan.plugins}))
    slots.push_back(use.slot);
  CHECK(slots == std::vector<std::string>{"growth", "schedule.growth", "schedule.lr"});

  const Values fixed(small_run(dir));
  CHECK_THAT(describe(grows.shape), Contains("in 4 layers of width 32 at the end, reached in 2 stages"));
  CHECK_THAT(describe(fixed.shape), Contains("which does not grow"));
  CHECK(fixed.shape.num_stages == 1);
  CHECK(fixed.shape.strategy() == nullptr);
  CHECK(fixed.plan.decisions.growth == nullptr);
  CHECK(fixed.plan.timeline.stages.size() == 1);
}

TEST_CASE("a value that was moved still works: nothing points to where it was made", "[run][values]") {
  const TempDir dir;
  const RunConfig config = small_run(dir,
                                     "[growth]\nplugin = \"midas\"\nparams = { block_size = 2 }\n"
                                     "[schedule.growth]\nplugin = \"prop-alpha\"\n");
  auto made = std::make_unique<Values>(config);
  const RunShape shape = std::move(made->shape);
  const RunPlan plan = std::move(made->plan);
  const PluginHost host = std::move(made->host);
  made.reset();
  Progress last;
  last.step = 11, last.total_steps = 12, last.num_stages = 2;
  CHECK(plan.decisions.growth->value(last) == 1);
  CHECK(plan.decisions.strategy->stage_spec(shape.final_spec, 1) == shape.final_spec);
}

TEST_CASE("what does not fit is refused at its key, by the value that reads it", "[run][values]") {
  const TempDir dir;
  const auto problem = [&](const std::string& more) -> std::string {
    try {
      Values values(small_run(dir, more));
      return "";
    } catch (const Error& error) {
      return error.place() + ": " + error.message();
    }
  };
  CHECK_THAT(problem("[growth]\nplugin = \"nowhere\"\n"), Contains("run.toml:17:1") && Contains("nowhere"));
  CHECK_THAT(problem("[schedule.mixture]\nplugin = \"tier-sync\"\n"), Contains("there is only one"));
  CHECK_THAT(problem("[schedule.lr]\nplugin = \"prop-alpha\"\n"), Contains("run.toml:17:1") && Contains("not 'lr'"));
}
