// The folder of a run: one process at a time, and nothing written into it before the run begins.
#include <set>

#include "catch.h"
#include "core/base/error.h"
#include "core/run/run_folder.h"
#include "run/support.h"
#include "support/tiny_snapshot.h"

using namespace espalier;
using Catch::Contains;

namespace {

std::set<std::string> names_in(const fs::path& dir) {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(dir)) names.insert(entry.path().filename().string());
  return names;
}

}  // namespace

TEST_CASE("a run that does not begin leaves an empty folder; one that does, its files", "[run][folder]") {
  const TempDir dir;
  const RunConfig config = small_run(dir);
  const fs::path run_dir = dir.path() / "runs/a";
  { const RunFolder folder(run_dir, config); }
  CHECK(names_in(run_dir).empty());
  {
    RunFolder folder(run_dir, config);
    CHECK_FALSE(folder.resumed());
    CHECK(folder.state() == nullptr);
    write_file(run_dir / "metrics.jsonl.tmp", "left", ErrorCode::config);
    write_file(run_dir / "mine.tmp", "not ours", ErrorCode::config);
    folder.begin("[job]\n", "{}");
  }
  CHECK(names_in(run_dir) == std::set<std::string>{".lock", "config.resolved.toml", "env.json", "mine.tmp", "run.log"});
}

TEST_CASE("a lock file that was there stays", "[run][folder]") {
  const TempDir dir;
  const RunConfig config = small_run(dir);
  fs::create_directories(dir.path() / "r");
  write_file(dir.path() / "r/.lock", "", ErrorCode::config);
  { const RunFolder folder(dir.path() / "r", config); }
  CHECK(fs::exists(dir.path() / "r/.lock"));
}

TEST_CASE("a second process is refused, and takes nothing away", "[run][folder]") {
  const TempDir dir;
  const RunConfig config = small_run(dir);
  const RunFolder folder(dir.path() / "r", config);
  CHECK_THROWS_WITH(RunFolder(dir.path() / "r", config), Contains("another espalier process is using this run"));
  CHECK(fs::exists(dir.path() / "r/.lock"));
}

TEST_CASE("the newest valid checkpoint is what a run continues from", "[run][folder]") {
  const TempDir dir;
  RunConfig config = small_run(dir);
  const fs::path run_dir = dir.path() / "r";
  save_tiny(run_dir / "checkpoints", 3);
  flip_last_bit(save_tiny(run_dir / "checkpoints", 5) / "model.safetensors");
  {
    RunFolder folder(run_dir, config);
    REQUIRE(folder.resumed());
    CHECK(folder.resumed()->dir.filename() == "step-00000003");
    CHECK(folder.state()->step == 3);
    CHECK(folder.take_state().step == 3);
  }
  config.checkpoint.resume = "never";
  CHECK_THROWS_WITH(RunFolder(run_dir, config), Contains("already has a checkpoint"));
  CHECK_FALSE(fs::exists(run_dir / ".lock"));
}
