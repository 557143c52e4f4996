#include "core/train/growth_watch.h"

#include "catch.h"

using namespace espalier;

TEST_CASE("recovery is told once, when the average is back at what it was", "[train][watch]") {
  GrowthWatch watch;
  for (int64_t step = 1; step <= 20; ++step) CHECK_FALSE(watch.observe(3.0, step * 10));
  watch.grown(20, 200);
  CHECK(watch.loss_before == Approx(3.0));
  int64_t recovered = 0;
  for (int64_t step = 21; step <= 60; ++step)
    if (const auto tokens = watch.observe(step < 30 ? 4.0 : 2.0, step * 10)) {
      CHECK(recovered == 0);
      recovered = *tokens;
    }
  // 9 steps at 4, then at 2: with 0.9 kept a step, 9 + k steps average 3 when 0.9^k (1 - 0.9^9) = (1 - 0.9^k).
  CHECK(recovered == 140);
  CHECK_FALSE(watch.watching);
}

TEST_CASE("one lucky batch is not a recovery", "[train][watch]") {
  GrowthWatch watch;
  for (int64_t step = 1; step <= 20; ++step) watch.observe(3.0, step);
  watch.grown(20, 20);
  for (int64_t step = 21; step <= 24; ++step) CHECK_FALSE(watch.observe(1.0, step));
  CHECK(watch.observe(1.0, 25) == std::optional<int64_t>(5));
}

TEST_CASE("the guard looks once, that many steps after the growth", "[train][watch]") {
  GrowthWatch watch;
  for (int64_t step = 1; step <= 20; ++step) watch.observe(3.0, step);
  watch.grown(20, 20);
  for (int64_t step = 21; step <= 40; ++step) {
    watch.observe(3.6, step);
    CHECK(watch.ran_away(step, 10, 0.5) == (step == 30));
    CHECK_FALSE(watch.ran_away(step, 10, 0.7));
  }
}
