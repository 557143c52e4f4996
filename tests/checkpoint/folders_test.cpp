// Putting a checkpoint in place and taking it away, on file systems and at moments that do not help.
#include "core/checkpoint/model_files/folders.h"

#include <cerrno>
#include <fstream>

#include "catch.h"
#include "support/faults.h"
#include "support/temp_dir.h"
#include "support/tiny_snapshot.h"

using namespace espalier;

namespace {

int64_t newest_step(const fs::path& dir) {
  std::vector<std::string> skipped;
  return load_latest(dir, skipped)->snapshot.state.step;
}

size_t entries_in(const fs::path& dir) {
  return static_cast<size_t>(std::distance(fs::directory_iterator(dir), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("only the names that this program gives are steps", "[checkpoint][folders]") {
  for (const int64_t step : {int64_t{0}, int64_t{12}, int64_t{99999999}, int64_t{100000000}, INT64_MAX})
    CHECK(step_of("x/" + folder_name(step)) == step);
  for (const char* name :
       {"step-", "step-12", "step-000000120", "step-00000012.tmp", "step-00000012-good", "step--0000012",
        "step-+0000012", "Step-00000012", "step-00000012 ", "step-99999999999999999999", "LATEST"})
    CHECK_FALSE(step_of(name));
}

TEST_CASE("a file system without exchange or no-replace gets the checkpoint all the same", "[checkpoint][faults]") {
  for (const int error : {EINVAL, ENOSYS, EOPNOTSUPP, EPERM}) {
    const TempDir dir;
    const Fault fault("renameat2", error);
    save_tiny(dir.path(), 10);
    Snapshot again = tiny_snapshot(10);
    again.state.tokens = 77;
    save_checkpoint(dir.path(), again, 0, nullptr, 1);
    CHECK(fault.met() == 2);
    CHECK(load_checkpoint(dir.path() / "step-00000010").state.tokens == 77);
    CHECK(entries_in(dir.path()) == 2);  // and LATEST
  }
}

TEST_CASE("a folder that cannot be renamed is told, and both checkpoints are whole", "[checkpoint][faults]") {
  const TempDir dir;
  save_tiny(dir.path(), 10);
  {
    const Fault fault("renameat2", EIO);
    CHECK_THROWS_WITH(save_tiny(dir.path(), 20), Catch::Contains("cannot rename into place: Input/output error"));
    CHECK(fs::exists(dir.path() / "step-00000020.tmp/espalier/manifest.json"));
  }
  CHECK(newest_step(dir.path()) == 10);
  {
    // The second of the two renames that stand for the exchange fails: the first is undone.
    const Fault no_exchange("renameat2", EINVAL), second("rename", EIO, 1, Fault::On::all, /*skip=*/1);
    CHECK_THROWS_WITH(save_tiny(dir.path(), 10), Catch::Contains("step-00000010.tmp"));
    CHECK(second.met() == 1);
  }
  CHECK(newest_step(dir.path()) == 10);
}

TEST_CASE("a save is whole where folders cannot be synced", "[checkpoint][faults]") {
  const TempDir dir;
  const Fault fault("fsync", EINVAL, -1, Fault::On::folders);
  save_tiny(dir.path(), 10);
  CHECK(fault.met() > 4);
  CHECK(newest_step(dir.path()) == 10);
}

TEST_CASE("an exchange that was interrupted half-way is completed", "[checkpoint][folders]") {
  const TempDir dir;
  save_tiny(dir.path(), 10);
  save_tiny(dir.path(), 20);
  fs::rename(dir.path() / "step-00000020", dir.path() / "step-00000020.replaced");
  restore_replaced(dir.path());
  CHECK(newest_step(dir.path()) == 20);
  // Once the new one has its name, the old one is a left-over.
  fs::copy(dir.path() / "step-00000020", dir.path() / "step-00000020.replaced", fs::copy_options::recursive);
  restore_replaced(dir.path());
  remove_leftovers(dir.path());
  CHECK(entries_in(dir.path()) == 3);
  CHECK(newest_step(dir.path()) == 20);
}

TEST_CASE("left-overs of ours go, and nothing that only looks like one", "[checkpoint][folders]") {
  const TempDir dir;
  const fs::path& at = dir.path();
  save_tiny(at, 10);
  for (const char* ours : {"step-00000020.tmp/espalier/plugins", "step-00000030.tmp"})
    fs::create_directories(at / ours);
  std::ofstream(at / "step-00000020.tmp/model.safetensors") << "half";
  std::ofstream(at / "LATEST.tmp") << "";
  fs::create_directories(at / "step-00000040.tmp/my-notes");
  fs::create_directories(at / "mine.tmp");
  fs::create_directories(at / "step-40.tmp");
  fs::create_directories(at / "step-00000050.replaced/my-notes");
  fs::create_directory_symlink(at / "step-00000010", at / "step-00000060.tmp");
  remove_leftovers(at);
  for (const char* gone : {"step-00000020.tmp", "step-00000030.tmp", "LATEST.tmp"}) CHECK_FALSE(fs::exists(at / gone));
  for (const char* kept :
       {"step-00000040.tmp", "mine.tmp", "step-40.tmp", "step-00000050.replaced", "step-00000060.tmp"})
    CHECK(fs::exists(at / kept));
  CHECK(newest_step(at) == 10);
}

TEST_CASE("a removal that is interrupted leaves a left-over, never half a checkpoint", "[checkpoint][folders]") {
  const TempDir dir;
  save_tiny(dir.path(), 10);
  const fs::path saved = save_tiny(dir.path(), 20);
  CHECK(is_own(saved));
  // As if killed after the rename, with some files gone: still known for ours.
  fs::rename(saved, saved.string() + ".tmp");
  fs::remove(saved.string() + ".tmp/model.safetensors");
  CHECK(newest_step(dir.path()) == 10);
  remove_leftovers(dir.path());
  CHECK(entries_in(dir.path()) == 2);
  remove_own(dir.path() / "step-00000010");
  CHECK(entries_in(dir.path()) == 1);
}

TEST_CASE("what a tokenizer cannot write is the checkpoint's failure", "[checkpoint]") {
  const TempDir dir;
  const auto full = [](const fs::path& folder) {
    const Fault fault("write", ENOSPC);
    write_file(folder / "tokenizer.json", "{}", ErrorCode::data);
  };
  try {
    save_checkpoint(dir.path(), tiny_snapshot(10), 0, full, 0);
    FAIL("it was saved");
  } catch (const Error& error) {
    CHECK(error.exit_code() == 5);
    CHECK_THAT(error.what(), Catch::Contains("tokenizer.json") && Catch::Contains("No space left"));
  }
  CHECK(entries_in(dir.path()) == 0);
}
