// The disk that tests cut the power of: what it keeps and what it forgets, on cases that can be worked out by hand.
#include "support/disk.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <set>

#include "catch.h"
#include "support/disk_recording.h"
#include "support/temp_dir.h"

using namespace espalier;
namespace fs = std::filesystem;

namespace {

void write_to(const fs::path& path, const std::string& bytes, bool synced) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
  REQUIRE(::write(fd, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  if (synced) ::fsync(fd);
  ::close(fd);
}

void sync_folder(const fs::path& path) {
  const int fd = ::open(path.c_str(), O_RDONLY);
  ::fsync(fd);
  ::close(fd);
}

// What may be found after the action and a power cut.
std::set<DiskTree> left_after(const fs::path& folder, const std::function<void()>& action) {
  const DiskRecording recording(folder);
  action();
  CHECK(recording.journal().result() == tree_of(folder));
  std::set<DiskTree> trees;
  trees_after_power_cut(recording.journal(), recording.journal().calls.size(),
                        [&](const DiskTree& tree, const std::string&) { trees.insert(tree); });
  return trees;
}

const std::string kZeros(4, '\0');

}  // namespace

TEST_CASE("what a disk keeps is what was synced", "[base][disk]") {
  const TempDir dir;
  const fs::path file = dir.path() / "f", other = dir.path() / "g";
  using Trees = std::set<DiskTree>;
  SECTION("a new file without any sync") {
    CHECK(left_after(dir.path(), [&] { write_to(file, "abcd", false); }) ==
          Trees{{}, {{"f", ""}}, {{"f", "ab"}}, {{"f", kZeros}}, {{"f", "abcd"}}});
  }
  SECTION("a file that was synced, whose folder was not") {
    CHECK(left_after(dir.path(), [&] { write_to(file, "abcd", true); }) == Trees{{}, {{"f", "abcd"}}});
  }
  SECTION("a folder that was synced, whose file was not") {
    CHECK(left_after(dir.path(), [&] {
            write_to(file, "abcd", false);
            sync_folder(dir.path());
          }) == Trees{{{"f", ""}}, {{"f", "ab"}}, {{"f", kZeros}}, {{"f", "abcd"}}});
  }
  SECTION("both") {
    CHECK(left_after(dir.path(), [&] {
            write_to(file, "abcd", true);
            sync_folder(dir.path());
          }) == Trees{{{"f", "abcd"}}});
  }
  SECTION("a rename that was not synced: the old one or the new one") {
    write_to(file, "old", false);
    CHECK(left_after(dir.path(), [&] {
            write_to(other, "new", true);
            ::rename(other.c_str(), file.c_str());
          }) == Trees{{{"f", "old"}}, {{"f", "old"}, {"g", "new"}}, {{"f", "new"}}});
  }
  SECTION("what is appended comes after what is sure") {
    write_to(file, "sure", false);
    CHECK(left_after(dir.path(), [&] {
            const int fd = ::open(file.c_str(), O_WRONLY | O_APPEND);
            CHECK(::write(fd, "1234", 4) == 4);
            ::close(fd);
          }) == Trees{{{"f", "sure"}}, {{"f", "sure12"}}, {{"f", "sure" + kZeros}}, {{"f", "sure1234"}}});
  }
  SECTION("two names are forgotten each without the other") {
    CHECK(left_after(dir.path(), [&] {
            write_to(file, "", true);
            write_to(other, "", true);
          }) == Trees{{}, {{"f", ""}}, {{"g", ""}}, {{"f", ""}, {"g", ""}}});
  }
  SECTION("two names that change places do so at once") {
    fs::create_directories(file / "a");
    fs::create_directories(other / "b");
    CHECK(left_after(dir.path(),
                     [&] {
                       REQUIRE(::renameat2(AT_FDCWD, file.c_str(), AT_FDCWD, other.c_str(), RENAME_EXCHANGE) == 0);
                     }) == Trees{{{"f/", ""}, {"f/a/", ""}, {"g/", ""}, {"g/b/", ""}},
                                 {{"f/", ""}, {"f/b/", ""}, {"g/", ""}, {"g/a/", ""}}});
  }
}

TEST_CASE("calls of the C++ library are seen, and those of none are found out", "[base][disk]") {
  const TempDir dir;
  const auto result = [&](const std::function<void()>& action) {
    const DiskRecording recording(dir.path());
    action();
    return recording.journal().result();
  };
  const DiskTree made = result([&] {
    fs::create_directories(dir.path() / "a/b/c");
    write_to(dir.path() / "a/b/f", "text", false);
    const int fd = ::open((dir.path() / "a/b/f").c_str(), O_WRONLY);
    CHECK(::ftruncate(fd, 2) == 0);
    ::close(fd);
    fs::create_hard_link(dir.path() / "a/b/f", dir.path() / "a/h");
    fs::rename(dir.path() / "a/b", dir.path() / "a/d");
    fs::remove(dir.path() / "a/d/c");
  });
  CHECK(made == DiskTree{{"a/", ""}, {"a/d/", ""}, {"a/d/f", "te"}, {"a/h", "te"}});
  CHECK(made == tree_of(dir.path()));
  CHECK(result([&] { fs::remove_all(dir.path() / "a"); }).empty());
  // A stream of the C library writes without any call that could be seen.
  const DiskTree unseen = result([&] { std::ofstream(dir.path() / "s") << "text"; });
  CHECK(unseen != tree_of(dir.path()));
}

TEST_CASE("the n-th call fails, once or from then on", "[base][disk]") {
  const TempDir dir;
  const fs::path file = dir.path() / "f";
  const auto outcome = [&](const DiskFailure& failure) {
    const DiskRecording recording(dir.path(), failure);
    std::string out;
    const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644);
    const auto tell = [&](long result) { out += (result < 0 ? std::to_string(-errno) : std::to_string(result)) + " "; };
    tell(::write(fd, "abcd", 4));
    tell(::write(fd, "efgh", 4));
    tell(::fsync(fd));
    ::close(fd);
    tell(::unlink(file.c_str()));
    return out + std::to_string(recording.calls());
  };
  CHECK(outcome({9, EIO, false}) == "4 4 0 0 5");
  CHECK(outcome({1, EIO, false}) == "-5 4 0 0 5");
  CHECK(outcome({2, EIO, true}) == "4 -5 -5 -5 5");
  CHECK(outcome({1, ENOSPC, false}) == "2 -28 0 0 4");  // half of it; what is left fits no more
  CHECK(outcome({2, ENOSPC, true}) == "4 2 -28 0 5");
  CHECK(outcome({3, EINTR, false}) == "4 4 -4 0 5");
  CHECK(outcome({4, EINTR, false}) == "4 4 0 0 5");  // removing waits for nothing
}
