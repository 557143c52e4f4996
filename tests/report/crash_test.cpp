// The rows of metrics when the power is cut after any of the calls that write them, or any of them fails: once the run
// has gone on and done its steps again, each row is there once.
#include <cerrno>

#include "catch.h"
#include "core/report/metrics.h"
#include "support/disk.h"
#include "support/temp_dir.h"

using namespace espalier;

namespace {

constexpr int64_t kLast = 8;

std::string line(int64_t step) {
  return fmt::format(R"({{"flops":0.0,"seconds":{}.0,"step":{},"tokens":0,"train/loss":2.5}})", 10 * step, step) + "\n";
}

std::string lines(int64_t last) {
  std::string out;
  for (int64_t step = 1; step <= last; ++step) out += line(step);
  return out;
}

// A run as far as its metrics go. The file "saved" stands for its newest checkpoint.
class RunOf {
 public:
  explicit RunOf(fs::path dir) : dir_(std::move(dir)) {}

  int64_t saved() const {
    const fs::path marker = dir_ / "saved";
    return fs::exists(marker) ? std::stoll(read_file(marker, ErrorCode::checkpoint)) : 0;
  }
  void go_on_to(int64_t last, int64_t save_at) const {
    const int64_t start = saved();
    MetricsWriter writer(dir_, start, 0, false);
    CHECK(writer.seconds_before() == static_cast<double>(10 * start));
    for (int64_t step = start + 1; step <= last; ++step) {
      writer.write({step, 0, 0, static_cast<double>(10 * step), {{"train/loss", 2.5}}});
      if (step != save_at) continue;
      sync_metrics(dir_);
      write_file_atomic(dir_ / "saved", std::to_string(step), ErrorCode::checkpoint);
    }
  }
  std::string rows() const { return read_file(dir_ / "metrics.jsonl", ErrorCode::config); }

 private:
  fs::path dir_;
};

}  // namespace

TEST_CASE("each row is there once, wherever the run was cut off before it went on", "[report][crash]") {
  const TempDir dir(parent_for_trials());
  const RunOf run(dir.path());
  const bool resumed = GENERATE(false, true);
  if (resumed) {
    run.go_on_to(5, 3);  // two rows are of steps that are done again
    REQUIRE(run.rows() == lines(5));
  }
  const DiskTree start = tree_of(dir.path());
  const auto act = [&] { run.go_on_to(7, 6); };
  const auto check = [&] {
    run.go_on_to(kLast, kLast);
    CHECK(run.rows() == lines(kLast));
  };
  const DiskTrials cuts = try_power_cuts(dir.path(), act, [&](const PowerCut& cut) {
    if (cut.returned) CHECK(run.saved() == 6);
    check();
  });
  put_tree(dir.path(), start);
  const DiskTrials failures = try_failures(dir.path(), act, [&](const DiskAttempt& attempt) {
    CHECK(attempt.threw == (attempt.error != EINTR));
    if (!attempt.threw) CHECK(run.rows() == lines(7));
    check();
  });
  CHECK(cuts.calls > 12);
  CHECK(cuts.trials > cuts.calls);
  CHECK(failures.trials > 4 * cuts.calls);
}
