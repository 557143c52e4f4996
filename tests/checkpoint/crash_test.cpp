// Saving a checkpoint, and going back to one, when the power is cut after any of the calls that this makes, or any of
// them fails. What a whole checkpoint is like is known from one that was saved in peace: equal states have equal bytes.
#include <ATen/ATen.h>

#include <algorithm>
#include <cerrno>

#include "catch.h"
#include "core/checkpoint/model_files/folders.h"
#include "support/disk.h"
#include "support/faults.h"
#include "support/temp_dir.h"
#include "support/tiny_snapshot.h"

using namespace espalier;

namespace {

// Small, so that thousands are saved in seconds, with every kind of file that a checkpoint may have.
Snapshot small_snapshot(int64_t step, int64_t tokens) {
  Snapshot snapshot;
  TrainState& s = snapshot.state;
  s.spec = tiny_llama(1);
  s.spec.d_model = 8;
  s.spec.num_heads = 2;
  s.spec.num_kv_heads = 1;
  s.spec.head_dim = 4;
  s.spec.d_ff = 8;
  s.spec.vocab_size = 11;
  s.params = init_params(s.spec, static_cast<uint64_t>(step), 0.1, 1);
  for (const auto& param : s.params) s.optim[param.info.name] = {param.value * 2, param.value * 3, step};
  s.step = step;
  s.tokens = tokens;
  s.stage = 1;
  s.stage_start = 5;
  s.stage_starts = {0, 5};
  GrowthEvent event;
  event.step = 5;
  event.stage = 1;
  event.from = event.to = s.spec;
  event.plan_bytes = "plan";
  event.plan_hash = std::string(64, 'a');
  event.plugin = {"growth", "org.example.stack", "1.2.3", std::string(64, 'b'), "{}"};
  s.lineage.push_back(event);
  snapshot.data_state = "{}";
  snapshot.plugin_state["schedule.lr"] = "bytes";
  snapshot.quality = "counts";
  snapshot.config_toml = "[job]\nname = \"x\"\n";
  return snapshot;
}

constexpr int64_t kAgain = 1000;  // added to the tokens of a step that is saved once more

fs::path save(const fs::path& dir, int64_t step, int64_t keep_latest, bool again = false) {
  return save_checkpoint(dir, small_snapshot(step, again ? kAgain + step : step), 0, nullptr, keep_latest);
}

// The bytes of a checkpoint of these steps, and of one that was saved again.
class Whole {
 public:
  explicit Whole(const std::vector<int64_t>& steps) {
    const TempDir dir;
    for (const int64_t step : steps)
      for (const bool again : {false, true}) trees_[{step, again}] = tree_of(save(dir.path(), step, 0, again));
  }
  bool has(const fs::path& dir, bool again) const {
    const auto tree = trees_.find({step_of(dir).value_or(-1), again});
    return tree != trees_.end() && tree_of(dir) == tree->second;
  }
  bool has(const fs::path& dir) const { return has(dir, false) || has(dir, true); }

 private:
  std::map<std::pair<int64_t, bool>, DiskTree> trees_;
};

std::optional<fs::path> newest(const fs::path& dir) {
  std::vector<std::string> skipped;
  const auto found = load_latest(dir, skipped);
  CHECK(skipped.empty());
  return found ? std::optional(found->dir) : std::nullopt;
}

// As the next process begins.
std::optional<fs::path> start_on(const fs::path& dir) {
  restore_replaced(dir);
  return newest(dir);
}

bool claims_are_true(const fs::path& dir, const Whole& whole) {
  const auto dirs = checkpoint_dirs(dir);
  return std::all_of(dirs.begin(), dirs.end(), [&](const fs::path& each) { return whole.has(each); });
}

// Nothing but whole checkpoints and LATEST, which names the newest.
void check_clean(const fs::path& dir, const Whole& whole, int64_t step) {
  remove_leftovers(dir);
  for (const auto& entry : fs::directory_iterator(dir)) {
    INFO(entry.path().filename().string());
    CHECK((entry.path().filename() == "LATEST" || whole.has(entry.path())));
  }
  CHECK(read_file(dir / "LATEST", ErrorCode::checkpoint) == folder_name(step) + "\n");
}

struct Scenario {
  const char* what;
  std::vector<int64_t> before;
  int64_t step, keep_latest;
  bool exchange = true;  // whether the file system can let two names change places
  size_t kept() const { return std::min(before.size(), static_cast<size_t>(keep_latest)); }
};

const Scenario kScenarios[] = {{"the first one", {}, 10, 1},
                               {"a second one, the first goes", {10}, 20, 1},
                               {"a third one of two, the first goes", {10, 20}, 30, 2},
                               {"a third one of one, both go", {10, 20}, 30, 1},
                               {"the same step again, the only one there is", {10}, 10, 1},
                               {"likewise without an exchange of names", {10}, 10, 1, false}};

}  // namespace

TEST_CASE("a save that is cut off, or of which any call fails, leaves the old checkpoint or the new one, whole",
          "[checkpoint][crash]") {
  const Whole whole({10, 20, 30, 40});
  const Scenario scenario = GENERATE(from_range(std::begin(kScenarios), std::end(kScenarios)));
  INFO(scenario.what);
  const bool again = !scenario.before.empty() && scenario.before.back() == scenario.step;
  const Fault no_exchange("renameat2", scenario.exchange ? 0 : EINVAL, scenario.exchange ? 0 : -1);
  const TempDir root(parent_for_trials());
  const fs::path dir = root.path() / "checkpoints";
  for (const int64_t step : scenario.before) save(dir, step, 0);

  const auto act = [&] { save(dir, scenario.step, scenario.keep_latest, again); };
  const auto check = [&](bool done) {
    const auto found = start_on(dir);
    if (found) {
      const bool is_new = step_of(*found) == scenario.step && whole.has(*found, again);
      const bool is_old = !scenario.before.empty() && step_of(*found) == scenario.before.back() && whole.has(*found);
      CHECK((is_new || (is_old && !done)));
    } else {
      CHECK((scenario.before.empty() && !done));
    }
    CHECK(claims_are_true(dir, whole));
    CHECK(checkpoint_dirs(dir).size() >= scenario.kept());
    save(dir, 40, 2);
    CHECK(step_of(newest(dir).value_or("")) == 40);
    check_clean(dir, whole, 40);
  };
  SECTION("power cuts") {
    const DiskTrials trials = try_power_cuts(root.path(), act, [&](const PowerCut& cut) { check(cut.returned); });
    CHECK(trials.calls > 40);
    CHECK(trials.trials > 5 * trials.calls);
  }
  SECTION("failing calls") {
    const DiskTrials trials = try_failures(root.path(), act, [&](const DiskAttempt& attempt) {
      if (attempt.error == EINTR) CHECK_FALSE(attempt.threw);
      check(!attempt.threw);
    });
    CHECK(trials.trials > 4 * trials.calls);  // EINTR is not for every call
  }
}

TEST_CASE("going back is whole wherever it is cut off, and can be done again", "[checkpoint][crash]") {
  const Whole whole({10, 20, 30});
  const TempDir root(parent_for_trials());
  const fs::path& dir = root.path();
  for (const int64_t step : {10, 20, 30}) save(dir, step, 0);
  const DiskTree start = tree_of(dir);
  const auto act = [&] { roll_back(dir, 10); };
  const auto check = [&](bool done) {
    const auto found = start_on(dir);
    REQUIRE(found);
    CHECK((!done || step_of(*found) == 10));
    CHECK(claims_are_true(dir, whole));
    CHECK(whole.has(dir / folder_name(10)));
    act();
    CHECK(step_of(newest(dir).value_or("")) == 10);
    check_clean(dir, whole, 10);
  };
  const DiskTrials cuts = try_power_cuts(dir, act, [&](const PowerCut& cut) { check(cut.returned); });
  put_tree(dir, start);
  const DiskTrials failures = try_failures(dir, act, [&](const DiskAttempt& attempt) {
    if (attempt.error == EINTR) CHECK_FALSE(attempt.threw);
    check(!attempt.threw);
  });
  CHECK(cuts.trials > 3 * cuts.calls);
  CHECK(failures.trials > 3 * cuts.calls);
}
