// The durable writes of core/base when the power is cut after any of their calls, or any of them fails.
#include <cerrno>

#include "catch.h"
#include "core/base/file.h"
#include "support/disk.h"
#include "support/temp_dir.h"

using namespace espalier;

namespace {

constexpr auto kCode = ErrorCode::checkpoint;
const std::string kOld(3000, 'o'), kNew(5000, 'n');

DiskTree without_temporary(DiskTree tree) {
  tree.erase("f.tmp");
  return tree;
}

}  // namespace

TEST_CASE("an atomic write leaves the old file or the new one, wherever it is cut off", "[base][crash]") {
  const TempDir dir(parent_for_trials());
  const fs::path file = dir.path() / "f";
  const bool replaces = GENERATE(true, false);
  const DiskTree before = replaces ? DiskTree{{"f", kOld}} : DiskTree{}, after{{"f", kNew}};
  put_tree(dir.path(), before);
  const auto write = [&] { write_file_atomic(file, kNew, kCode); };
  const DiskTrials cuts = try_power_cuts(dir.path(), write, [&](const PowerCut& cut) {
    const DiskTree found = without_temporary(tree_of(dir.path()));
    CHECK((found == after || (found == before && !cut.returned)));
    write();
    CHECK(tree_of(dir.path()) == after);
  });
  put_tree(dir.path(), before);
  const DiskTrials failures = try_failures(dir.path(), write, [&](const DiskAttempt& attempt) {
    const DiskTree found = tree_of(dir.path());
    // Only where nothing can be removed any more may the temporary stay.
    const bool removable = attempt.error != EIO || !attempt.from_then_on;
    const DiskTree told = removable ? found : without_temporary(found);
    CHECK((told == after || (told == before && attempt.threw)));
    CHECK(attempt.threw == (attempt.error != EINTR));
    write();
    CHECK(tree_of(dir.path()) == after);
  });
  CHECK(cuts.calls == 5);   // open, write, fsync, rename, fsync of the folder
  CHECK(cuts.trials == 7);  // no temporary; one that is empty, half, zeros, whole; the new file; and that in the end
  CHECK(failures.trials == 5 * 4 + 4);  // EINTR: not of the rename
}

TEST_CASE("folders that were made are there after a power cut, with what is in them", "[base][crash]") {
  const TempDir dir(parent_for_trials());
  const auto make = [&] {
    make_dirs(dir.path() / "a/b/c", kCode);
    write_file_atomic(dir.path() / "a/b/c/f", kNew, kCode);
  };
  const DiskTrials cuts = try_power_cuts(dir.path(), make, [&](const PowerCut& cut) {
    if (cut.returned)
      CHECK(tree_of(dir.path()) == DiskTree{{"a/", ""}, {"a/b/", ""}, {"a/b/c/", ""}, {"a/b/c/f", kNew}});
    make();
  });
  CHECK(cuts.trials >= 10);
  put_tree(dir.path(), {});
  try_failures(dir.path(), make, [&](const DiskAttempt& attempt) {
    CHECK(attempt.threw == (attempt.error != EINTR));
    make();
    CHECK(read_file(dir.path() / "a/b/c/f", kCode) == kNew);
  });
}
