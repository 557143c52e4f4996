// Batch and sequence length that change over the run: tokens, FLOPs, lengths, refusals, and rows cut from a batch.
#include "core/train/step_sizes.h"

#include <ATen/ATen.h>

#include "catch.h"
#include "core/base/error.h"
#include "core/model/flops.h"
#include "core/train/trainer.h"
#include "support/fake_schedule.h"

using namespace espalier;
using Catch::Contains;

namespace {

TrainingConfig training() {
  TrainingConfig config;
  config.seq_len = 32;
  config.micro_batch = 4;
  config.global_batch = 16;
  return config;
}

Progress run_of(int64_t steps) {
  Progress start;
  start.total_steps = steps;
  return start;
}

// 4 sequences for 8 steps, 8 for 4 steps, then 16; rows of 8 tokens until step 10.
StepSizes two_ramps() {
  FakeSchedule batch([](const Progress& p) { return p.step < 8 ? 4 : p.step < 12 ? 8 : 16; });
  FakeSchedule seq_len([](const Progress& p) { return p.step < 10 ? 8 : 32; });
  return plan_step_sizes(training(), {&batch, "here"}, {&seq_len, "there"}, run_of(24));
}

std::string refusal(double batch, double seq_len) {
  FakeSchedule of_batch([=](const Progress& p) { return p.step < 3 ? 4 : batch; });
  FakeSchedule of_rows([=](const Progress& p) { return p.step < 3 ? 32 : seq_len; });
  try {
    plan_step_sizes(training(), {&of_batch, "run.toml:7:1"}, {&of_rows, "run.toml:9:1"}, run_of(24));
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::config);
    return error.place() + " " + error.message();
  }
  return {};
}

}  // namespace

TEST_CASE("a step whose tokens cannot be counted is refused at the key at fault", "[train][sizes]") {
  const auto refused = [](int64_t micro_batch, int64_t global_batch, int64_t seq_len) -> std::string {
    TrainingConfig config;
    config.micro_batch = micro_batch, config.global_batch = global_batch, config.seq_len = seq_len;
    Places places;
    for (const char* key : {"training.micro_batch", "training.global_batch", "training.seq_len"}) places.set(key, key);
    try {
      config.check(places);
    } catch (const Error& error) {
      return error.place() + ": " + error.message();
    }
    return {};
  };
  const int64_t huge = (int64_t{1} << 62), most = int64_t{1} << 43;
  CHECK(refused(8, most, 1024).empty());  // 2^53 tokens
  CHECK(refused(8, most + 8, 1024).find("training.global_batch: a step of 8796093022216 sequences of 1024 tokens") ==
        0);
  CHECK(refused(8, huge, 1024).find("training.global_batch") == 0);
  CHECK(refused(huge, 0, 1024).find("training.micro_batch") == 0);
  CHECK(refused(8, 0, huge).find("training.seq_len") == 0);
  CHECK(refused(8, INT64_MAX - 7, INT64_MAX).find("training.seq_len") == 0);
}

TEST_CASE("without schedules every step is full", "[train][step-sizes]") {
  const StepSizes sizes(training());
  CHECK(sizes.at(0) == StepSize{16, 32, 512});
  CHECK(sizes.at(1000000) == StepSize{16, 32, 512});
  CHECK(sizes.tokens_before(1000) == 512000);
  CHECK(sizes.rates().empty());
  CHECK(format_step_sizes(sizes).empty());
}

TEST_CASE("tokens and rates follow the batch, and rows do not change them", "[train][step-sizes]") {
  const StepSizes sizes = two_ramps();
  CHECK(sizes.at(7) == StepSize{4, 8, 128});
  CHECK(sizes.at(8) == StepSize{8, 8, 256});
  CHECK(sizes.at(10) == StepSize{8, 32, 256});
  CHECK(sizes.at(30) == StepSize{16, 32, 512});
  CHECK(sizes.tokens_before(8) == 1024);
  CHECK(sizes.tokens_before(12) == 2048);
  CHECK(sizes.tokens_before(24) == 8192);
  const std::vector<TokenRate> rates = {{0, 128}, {8, 256}, {12, 512}};
  CHECK((sizes.rates() == rates));
  CHECK_THAT(format_step_sizes(sizes), Contains("from step       10  8 sequences in rows of 32 tokens, 256 tokens"));
}

TEST_CASE("a schedule of sizes sees the tokens of the steps before", "[train][step-sizes]") {
  FakeSchedule batch([](const Progress& p) {
    CHECK(p.total_steps == 24);
    return p.tokens < 500 ? 4 : 16;
  });
  const StepSizes sizes = plan_step_sizes(training(), {&batch, ""}, {}, run_of(24));
  CHECK(sizes.at(3).sequences == 4);  // 384 tokens before it
  CHECK(sizes.at(4).sequences == 16);
}

TEST_CASE("attention costs what the length of the rows says", "[train][step-sizes]") {
  ModelSpec spec;
  spec.vocab_size = 257;
  spec.seq_len = 32;
  spec.num_layers = 2;
  spec.d_model = 16;
  spec.num_heads = spec.num_kv_heads = 2;
  spec.head_dim = 8;
  spec.d_ff = 24;
  const StepShape shape = StepShape::everything(2);
  const StepSizes sizes = two_ramps();
  // A token of T rows costs 2 layers * 4 T d for scores and values forward, and twice that backward: 384 T here.
  const double saved = 384.0 * (32 - 8);
  const double full = step_flops(spec, shape, 1);
  CHECK(flops_of_steps(sizes, spec, shape, 0, 24) == Approx(8192 * full - (1024 + 512) * saved).epsilon(1e-12));
  CHECK(flops_of_steps(sizes, spec, shape, 9, 11) == Approx(512 * full - 256 * saved).epsilon(1e-12));
  CHECK(flops_of_steps(sizes, spec, shape, 5, 5) == 0);
}

TEST_CASE("sizes that do not fit are refused at their schedule", "[train][step-sizes]") {
  CHECK(refusal(16, 16).empty());
  CHECK_THAT(refusal(6, 32), Contains("run.toml:7:1") && Contains("step 3 is 6") && Contains("micro_batch = 4"));
  CHECK_THAT(refusal(20, 32), Contains("run.toml:7:1") && Contains("20 sequences, above the 16"));
  CHECK_THAT(refusal(4.5, 32), Contains("whole number"));
  CHECK_THAT(refusal(0, 32), Contains("whole number"));
  CHECK_THAT(refusal(4, 12), Contains("run.toml:9:1") && Contains("does not divide training.seq_len = 32"));
  CHECK_THAT(refusal(4, 64), Contains("does not divide"));
}

TEST_CASE("rows are cut without changing a token, its target or the order", "[train][step-sizes]") {
  const at::Tensor stream = at::arange(2 * 13).reshape({2, 13});
  Batch whole{stream.narrow(1, 0, 12), stream.narrow(1, 1, 12)};
  whole.layout.segments = at::arange(24).reshape({2, 12}).ge(7).to(at::kLong);  // a document ends in the first row
  whole.layout.padded = true;
  const Batch cut = cut_rows(whole, 4);
  CHECK(at::equal(cut.tokens[0], at::tensor({0, 1, 2, 3}, at::kLong)));
  CHECK(at::equal(cut.targets[0], at::tensor({1, 2, 3, 4}, at::kLong)));
  CHECK(at::equal(cut.tokens[2], at::tensor({8, 9, 10, 11}, at::kLong)));
  CHECK(at::equal(cut.targets[2], at::tensor({9, 10, 11, 12}, at::kLong)));
  CHECK(at::equal(cut.tokens[3], at::tensor({13, 14, 15, 16}, at::kLong)));
  CHECK(at::equal(cut.tokens.flatten(), whole.tokens.flatten()));
  CHECK(at::equal(cut.layout.segments[1], at::tensor({0, 0, 0, 1}, at::kLong)));
  CHECK(cut.layout.segments.size(0) == 6);
  CHECK(cut.layout.padded);
  CHECK(cut.tokens.sizes() == at::IntArrayRef({6, 4}));
}

TEST_CASE("steps that are behind keep what they held, and lengths are settled from them", "[train][step-sizes]") {
  TrainedSteps past;
  for (int step = 0; step < 50; ++step) past.add({4, 32, 128}, 128);
  TrainingConfig now = training();
  now.global_batch = 8;
  const StepSizes sizes(now, past);
  CHECK(sizes.at(49) == StepSize{4, 32, 128});
  CHECK(sizes.at(50) == StepSize{8, 32, 256});
  CHECK(sizes.tokens_before(75) == 12800);
  RunLength run{.tokens_per_step = 256, .tokens_per_epoch = 6400, .flops_per_step = 256e6, .rates = sizes.rates()};
  const auto steps = [&](const char* text) { return Duration::parse(text, "").to_steps(run, ""); };
  CHECK(steps("12800tok") == 75);  // half of them in 50 steps, the rest in 25
  CHECK(steps("2ep") == 75);
  CHECK(steps("12.8e9flop") == 75);
  CHECK(steps("3200tok") == 25);  // behind: where it was
  CHECK(steps("60st") == 60);
  // The same settings as before: as if nothing had been interrupted.
  now.global_batch = 4;
  CHECK(StepSizes(now, past).rates().empty());
  CHECK(past.full_rates(128).empty());
  const std::vector<TokenRate> full = {{0, 128}, {50, 256}};
  CHECK((past.full_rates(256) == full));
}

TEST_CASE("a schedule of sizes is asked for the steps to come alone, and sees the tokens that were trained on",
          "[train][step-sizes]") {
  TrainedSteps past;
  for (int step = 0; step < 10; ++step) past.add({16, 32, 512}, 512);
  FakeSchedule batch([](const Progress& p) {
    CHECK(p.step >= 10);
    return p.tokens < 6000 ? 4 : 8;
  });
  const StepSizes sizes = plan_step_sizes(training(), {&batch, ""}, {}, run_of(24), past);
  CHECK(sizes.at(9).sequences == 16);
  CHECK(sizes.at(16).sequences == 4);  // 5120 + 6 * 128 = 5888 tokens before it
  CHECK(sizes.at(17).sequences == 8);
}

TEST_CASE("an older checkpoint's tokens are spread over its steps", "[train][step-sizes]") {
  for (const int64_t tokens : {1280, 1283, 7, 1}) {
    const TrainedSteps past = TrainedSteps::evenly(10, tokens, training());
    if (tokens >= 10) CHECK(StepSizes(training(), past).tokens_before(10) == tokens);
    if (tokens >= 10) CHECK(StepSizes(training(), past).tokens_before(11) == tokens + 512);
  }
  CHECK(TrainedSteps::evenly(0, 0, training()).spans.empty());
  // Where the plan gives them, they were as planned.
  const TrainedSteps planned = TrainedSteps::as_planned(two_ramps(), 9, 512);
  CHECK(planned.spans.size() == 2);
  CHECK(StepSizes(training(), planned).tokens_before(9) == two_ramps().tokens_before(9));
}
