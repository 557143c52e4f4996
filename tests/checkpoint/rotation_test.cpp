// Which checkpoints are kept, which one is the newest, and that nothing of anybody else is touched.
#include "core/checkpoint/snapshot/rotation.h"
#include "core/checkpoint/model_files/model_folder.h"

#include <fstream>
#include <set>

#include "catch.h"
#include "core/checkpoint/model_files/folders.h"
#include "core/checkpoint/model_files/newest_checkpoint.h"
#include "support/temp_dir.h"
#include "support/tiny_snapshot.h"

using namespace espalier;
using Names = std::set<std::string>;

namespace {

Names names_in(const fs::path& dir) {
  Names names;
  for (const auto& entry : fs::directory_iterator(dir)) names.insert(entry.path().filename().string());
  names.erase("LATEST");
  return names;
}

std::string text_of(const fs::path& path) {
  return read_file(path, ErrorCode::checkpoint);
}

void write_text(const fs::path& path, const std::string& text) {
  fs::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

}  // namespace

TEST_CASE("what was just saved stays, though a damaged one has a higher number", "[checkpoint][rotation]") {
  const TempDir dir;
  for (const int64_t step : {4, 8, 12}) save_tiny(dir.path(), step);
  flip_last_bit(dir.path() / "step-00000012/model.safetensors");
  save_tiny(dir.path(), 9, 1);
  CHECK(names_in(dir.path()) == Names{"step-00000009", "step-00000012"});
  std::vector<std::string> skipped;
  CHECK(load_latest(dir.path(), skipped)->snapshot.state.step == 9);
  CHECK(text_of(dir.path() / "LATEST") == "step-00000009\n");
}

TEST_CASE("a damaged checkpoint does not count towards those that are kept", "[checkpoint][rotation]") {
  const TempDir dir;
  VerifiedCheckpoints verified;
  const auto save = [&](int64_t step, int64_t keep) {
    save_checkpoint(dir.path(), tiny_snapshot(step), 0, nullptr, keep, {}, &verified);
  };
  for (const int64_t step : {10, 20, 30, 40}) save(step, 0);
  flip_last_bit(dir.path() / "step-00000040/espalier/optimizer.safetensors");
  flip_last_bit(dir.path() / "step-00000020/config.json");
  save(50, 3);
  CHECK(names_in(dir.path()) ==
        Names{"step-00000010", "step-00000020", "step-00000030", "step-00000040", "step-00000050"});
  // Older than all that are kept, a damaged one of ours goes like any other.
  save(60, 3);
  CHECK(names_in(dir.path()) == Names{"step-00000030", "step-00000040", "step-00000050", "step-00000060"});
  save(70, 3);
  CHECK(names_in(dir.path()) == Names{"step-00000050", "step-00000060", "step-00000070"});
}

TEST_CASE("a checkpoint that is repaired or damaged between two saves is looked at again", "[checkpoint][rotation]") {
  const TempDir dir;
  VerifiedCheckpoints verified;
  const fs::path saved = save_tiny(dir.path(), 10);
  verified.add(saved);
  CHECK(verified.is_valid(saved));
  flip_last_bit(saved / "model.safetensors");
  CHECK_FALSE(verified.is_valid(saved));
  flip_last_bit(saved / "model.safetensors");
  CHECK(verified.is_valid(saved));
  fs::remove(saved / "espalier/state.json");
  CHECK_FALSE(verified.is_valid(saved));
}

TEST_CASE("rotation removes only what this program made", "[checkpoint][rotation]") {
  const TempDir dir, elsewhere;
  const fs::path& at = dir.path();
  for (const int64_t step : {5, 10, 20}) save_tiny(at, step);
  // A copy under another name, a folder and a file of somebody's, a link to another disk, a manifest of another step.
  fs::copy(at / "step-00000010", at / "step-00000010.best", fs::copy_options::recursive);
  fs::copy(at / "step-00000010", at / "step-0000000000000011", fs::copy_options::recursive);
  fs::copy(at / "step-00000010", at / "step-00000012", fs::copy_options::recursive);
  write_text(at / "step-00000001/notes.txt", "mine");
  write_text(at / "step-notes/a", "mine");
  write_text(at / "step-00000002", "mine");
  fs::rename(at / "step-00000005", elsewhere.path() / "moved");
  fs::create_directory_symlink(elsewhere.path() / "moved", at / "step-00000005");
  const Names others{"step-00000010.best", "step-0000000000000011", "step-00000012", "step-00000001",
                     "step-notes",         "step-00000002",         "step-00000005"};
  save_tiny(at, 30, 1);
  Names expected = others;
  expected.insert("step-00000030");
  CHECK(names_in(at) == expected);
  CHECK(fs::exists(elsewhere.path() / "moved/model.safetensors"));
}

TEST_CASE("the checkpoint before a growth is kept while it may be needed", "[checkpoint][rotation]") {
  const TempDir dir;
  for (const int64_t step : {10, 20, 30}) save_tiny(dir.path(), step);
  save_checkpoint(dir.path(), tiny_snapshot(40), 0, nullptr, 2, 10);
  CHECK(names_in(dir.path()) == Names{"step-00000010", "step-00000030", "step-00000040"});
}

TEST_CASE("what is in the way of a save is set aside, not overwritten", "[checkpoint][rotation]") {
  const TempDir dir, elsewhere;
  const fs::path& at = dir.path();
  write_text(at / "step-00000010/notes.txt", "mine");
  write_text(at / "step-00000010.tmp/notes.txt", "mine too");
  write_text(at / "step-00000010.aside/notes.txt", "mine as well");
  save_tiny(at, 10, 1);
  CHECK(load_checkpoint(at / "step-00000010").state.step == 10);
  CHECK(text_of(at / "step-00000010.aside/notes.txt") == "mine as well");
  CHECK(text_of(at / "step-00000010.aside2/notes.txt") == "mine");
  CHECK(text_of(at / "step-00000010.tmp.aside/notes.txt") == "mine too");
  // A link is replaced, what it leads to is not.
  fs::rename(at / "step-00000010", elsewhere.path() / "moved");
  fs::create_directory_symlink(elsewhere.path() / "moved", at / "step-00000010");
  save_tiny(at, 10, 1);
  CHECK_FALSE(fs::is_symlink(at / "step-00000010"));
  CHECK(fs::is_symlink(at / "step-00000010.aside3"));
  CHECK(fs::exists(elsewhere.path() / "moved/model.safetensors"));
}

TEST_CASE("going back removes our later checkpoints and sets others aside", "[checkpoint][rotation]") {
  const TempDir dir, elsewhere;
  const fs::path& at = dir.path();
  for (const int64_t step : {10, 20, 30}) save_tiny(at, step);
  save_tiny(elsewhere.path(), 40);
  fs::create_directory_symlink(elsewhere.path() / "step-00000040", at / "step-00000040");
  write_text(at / "step-00000050/notes.txt", "mine");
  CHECK(roll_back(at, 10) == at / "step-00000010");
  CHECK(names_in(at) == Names{"step-00000010", "step-00000040.aside", "step-00000050.aside"});
  std::vector<std::string> skipped;
  CHECK(load_latest(at, skipped)->snapshot.state.step == 10);
  CHECK(fs::exists(elsewhere.path() / "step-00000040/model.safetensors"));
  CHECK_THROWS_AS(roll_back(at, 7), Error);
}

TEST_CASE("the newest checkpoint does not depend on LATEST, nor on folders with other names", "[checkpoint][newest]") {
  const TempDir dir;
  for (const int64_t step : {10, 20}) save_tiny(dir.path() / "checkpoints", step);
  const fs::path at = dir.path() / "checkpoints";
  fs::copy(at / "step-00000020", at / "step-00000090.bak", fs::copy_options::recursive);
  fs::copy(at / "step-00000020", at / "step-00000030", fs::copy_options::recursive);  // not what it says it is
  for (const char* latest : {"step-00000010\n", "../../elsewhere\n", ""}) {
    write_text(at / "LATEST", latest);
    CHECK(load_model(dir.path()).dir == at / "step-00000020");
    CHECK(load_model(at).dir == at / "step-00000020");
  }
  fs::remove(at / "LATEST");
  CHECK(load_model(dir.path()).dir == at / "step-00000020");
  flip_last_bit(at / "step-00000020/model.safetensors");
  CHECK(load_model(dir.path()).dir == at / "step-00000010");
  CHECK(find_model(dir.path())->dir == at / "step-00000010");
  std::vector<std::string> skipped;
  CHECK(load_latest(at, skipped)->dir == at / "step-00000010");
  CHECK(skipped.size() == 2);
  fs::remove_all(at / "step-00000010");
  CHECK_THROWS_WITH(load_model(dir.path()), Catch::Contains("none of the 2 checkpoints is valid"));
  fs::remove_all(at);
  CHECK_FALSE(find_model(dir.path()));
  CHECK_THROWS_WITH(load_model(dir.path()), Catch::Contains("no config.json"));
}
