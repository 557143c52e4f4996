#include "core/config/duration.h"

#include "catch.h"
#include "core/base/error.h"
#include "core/base/rng.h"

using espalier::Duration;
using espalier::Error;
using espalier::RunLength;
using Unit = espalier::Duration::Unit;

namespace {

Error parse_error(const std::string& text) {
  try {
    Duration::parse(text, "run.toml:3:1");
  } catch (const Error& error) {
    return error;
  }
  return {espalier::ErrorCode::internal, "no error"};
}

int64_t steps(const std::string& text, const RunLength& run) {
  return Duration::parse(text, "here").to_steps(run, "here");
}

}  // namespace

TEST_CASE("a duration reads every unit", "[config][duration]") {
  CHECK(Duration::parse("1000st", "") == Duration{1000, Unit::steps});
  CHECK(Duration::parse("1000", "") == Duration{1000, Unit::steps});
  CHECK(Duration::parse("2ep", "") == Duration{2, Unit::epochs});
  CHECK(Duration::parse("1e9tok", "") == Duration{1e9, Unit::tokens});
  CHECK(Duration::parse("0.3dur", "") == Duration{0.3, Unit::fraction});
  CHECK(Duration::parse("1e15flop", "") == Duration{1e15, Unit::flops});
  CHECK(Duration::parse(" 5 ep ", "") == Duration{5, Unit::epochs});
}

TEST_CASE("what is not a duration is refused with its place and the known forms", "[config][duration]") {
  for (const char* text : {"", "st", "10 minutes", "10sec", "-5st", "infst", "nan", "1e999tok", "1,000st"}) {
    const Error error = parse_error(text);
    INFO(text << ": " << error.what());
    CHECK(error.code() == espalier::ErrorCode::config);
    CHECK(error.place() == "run.toml:3:1");
    CHECK(error.hint().find("1000st") != std::string::npos);
  }
  CHECK(parse_error("10sec").message().find("unknown unit 'sec'") != std::string::npos);
  CHECK(parse_error("-5st").message().find("negative") != std::string::npos);
}

TEST_CASE("durations become steps", "[config][duration]") {
  const RunLength run{.total_steps = 1000, .tokens_per_step = 4096, .tokens_per_epoch = 409600, .flops_per_step = 1e12};
  CHECK(steps("7st", run) == 7);
  CHECK(steps("7.6st", run) == 8);
  CHECK(steps("2ep", run) == 200);
  CHECK(steps("0.3dur", run) == 300);
  CHECK(steps("0.0006dur", run) == 1);
  CHECK(steps("4096tok", run) == 1);
  CHECK(steps("4097tok", run) == 2);
  CHECK(steps("1e15flop", run) == 1000);
  CHECK(steps("1.0001e15flop", run) == 1001);
}

TEST_CASE("a division that is exact on paper does not gain a step", "[config][duration]") {
  for (int64_t n = 1; n < 2000; ++n) {
    RunLength run;
    run.flops_per_step = 1e15 / static_cast<double>(n);
    CHECK(steps("1e15flop", run) == n);
  }
}

TEST_CASE("a unit without its number says what it needs", "[config][duration]") {
  for (const char* text : {"1ep", "1tok", "0.5dur", "1flop"})
    CHECK_THROWS_WITH(steps(text, {}), Catch::Contains("needs"));
  CHECK(steps("0dur", {}) == 0);
  CHECK_THROWS_WITH(steps("1e300st", {}), Catch::Contains("2^53"));
}

TEST_CASE("the text of a duration reads back equal", "[config][duration]") {
  CHECK(Duration{1000, Unit::steps}.to_string() == "1000st");
  CHECK(Duration{1e9, Unit::tokens}.to_string() == "1e9tok");
  const espalier::Rng rng(1, "duration");
  for (uint64_t i = 0; i < 500; ++i) {
    const Duration duration{rng.uniform(i) * std::pow(10.0, static_cast<double>(i % 30) - 6), static_cast<Unit>(i % 5)};
    CHECK(Duration::parse(duration.to_string(), "") == duration);
  }
}

TEST_CASE("where the batch grows, tokens and epochs are counted from the first step", "[config][duration]") {
  // 8 steps of 128 tokens, 4 of 256, then 512: 1024 tokens before step 8, 2048 before step 12.
  const RunLength run{.total_steps = 100,
                      .tokens_per_step = 512,
                      .tokens_per_epoch = 2304,
                      .flops_per_step = 1e6,
                      .rates = {{0, 128}, {8, 256}, {12, 512}}};
  const auto steps = [&](const char* text) { return Duration::parse(text, "").to_steps(run, ""); };
  CHECK(steps("128tok") == 1);
  CHECK(steps("129tok") == 2);
  CHECK(steps("1024tok") == 8);
  CHECK(steps("1025tok") == 9);
  CHECK(steps("2048tok") == 12);
  CHECK(steps("8192tok") == 24);
  CHECK(steps("8193tok") == 25);
  CHECK(steps("2ep") == 17);  // 4608 tokens: 12 steps and 2560 / 512
  CHECK(steps("4e6flop") == 12);
  CHECK(steps("0.5dur") == 50);
  CHECK(steps("7st") == 7);
}
