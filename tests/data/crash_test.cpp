// Preparing data when the power is cut after any of the calls that change the cache, or any of them fails: whoever
// prepares it again gets the same data.
#include <algorithm>
#include <cerrno>

#include "core/data/prepare/cache_file.h"
#include "core/data/shards/token_shard_writer.h"
#include "data/support.h"
#include "support/disk.h"
#include "support/temp_dir.h"

using namespace espalier;
using namespace espalier::testing;
using Ids = std::vector<int32_t>;

namespace {

Ids tokens_of(const TokenShard& shard) {
  Ids ids(shard.num_tokens());
  shard.copy(0, ids);
  for (size_t d = 0; d < shard.num_documents(); ++d) ids.push_back(static_cast<int32_t>(shard.length(d)));
  return ids;
}

// Everything that training would see.
std::vector<Ids> everything(const DataConfig& config, DifficultyScorer* scorer) {
  const PreparedData data = prepare_bytes(config, scorer, scorer == nullptr ? 1 : 3);
  std::vector<Ids> all;
  for (const auto& source : data.sources) {
    all.push_back(tokens_of(source.train));
    if (source.val) all.push_back(tokens_of(*source.val));
    all.emplace_back(source.tiers.begin(), source.tiers.end());
    const auto& totals = source.train_totals;
    all.push_back({static_cast<int32_t>(totals.documents), static_cast<int32_t>(totals.bytes),
                   static_cast<int32_t>(totals.duplicates), static_cast<int32_t>(totals.filtered)});
  }
  return all;
}

bool is_temporary(const std::string& name) {
  return name.find(".tmp") != std::string::npos;
}

// The cache as it is used: no temporary files in it, whatever was left there. What told how far the shards of a set had
// come may be left beside the file that says that they are whole; nobody reads it then.
void check_no_leftovers(const fs::path& cache, const DiskTree& good) {
  for (const auto& [name, content] : tree_of(cache)) {
    INFO(name);
    CHECK_FALSE(is_temporary(name));
    CHECK((good.contains(name) || name.ends_with(".part.json")));
  }
}

struct Prepared {
  DataConfig config;
  DifficultyScorer* scorer;
};

DiskTrials try_preparing(const Prepared& prepared) {
  const fs::path cache = prepared.config.cache_dir;
  fs::create_directories(cache);
  std::vector<Ids> good;
  const auto act = [&] { good = everything(prepared.config, prepared.scorer); };
  act();
  const std::vector<Ids> expected = good;
  const DiskTree whole = tree_of(cache);
  const auto check = [&] {
    act();
    CHECK(good == expected);
    check_no_leftovers(cache, whole);
  };
  put_tree(cache, {});
  DiskTrials trials = try_power_cuts(cache, act, [&](const PowerCut&) { check(); });
  put_tree(cache, {});
  trials.trials += try_failures(cache, act, [&](const DiskAttempt& attempt) {
                     if (attempt.error == EINTR) CHECK_FALSE(attempt.threw);
                     if (!attempt.threw) CHECK(good == expected);
                     check();
                   }).trials;
  return trials;
}

}  // namespace

TEST_CASE("data that is prepared again after a crash is the same", "[data][crash]") {
  const testing::TempDir dir;
  const espalier::TempDir memory(parent_for_trials());
  FunctionScorer scorer([](std::string_view text) { return static_cast<float>(text.size()); });
  Prepared prepared{random_config(dir, 5, {7, 3}, 40), nullptr};
  prepared.config.cache_dir = (memory.path() / "cache").string();
  prepared.config.shard_tokens = 70;  // several shards
  DiskTrials trials;
  SECTION("with held-out text and scores") {
    prepared.config.sources[0].val_documents = 2;
    prepared.scorer = &scorer;
    trials = try_preparing(prepared);
  }
  SECTION("with duplicates removed") {
    prepared.config.dedup = "exact";
    trials = try_preparing(prepared);
  }
  CHECK(trials.trials > 3 * trials.calls);
}

TEST_CASE("a cache file is the old one, the new one or made again", "[data][crash]") {
  const espalier::TempDir dir(parent_for_trials());
  const fs::path file = dir.path() / "tokenizer.0.model";
  const std::string before(700, 'o'), after(900, 'n');
  write_cache_file(file, before);
  const DiskTree start = tree_of(dir.path());
  const auto act = [&] { write_cache_file(file, after); };
  const auto check = [&](bool done) {
    const auto read = read_cache_file(file);
    CHECK((read == after || (!done && (read == before || !read))));
    act();
    CHECK(read_cache_file(file) == after);
  };
  const DiskTrials cuts = try_power_cuts(dir.path(), act, [&](const PowerCut& cut) { check(cut.returned); });
  put_tree(dir.path(), start);
  const DiskTrials failures = try_failures(dir.path(), act, [&](const DiskAttempt& attempt) {
    CHECK(attempt.threw == (attempt.error != EINTR));
    check(!attempt.threw);
  });
  CHECK(cuts.calls == 10);  // two atomic writes
  CHECK(cuts.trials > 10);
  CHECK(failures.trials == 10 * 4 + 8);
}
