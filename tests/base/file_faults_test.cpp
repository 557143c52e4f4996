// Files on disks and file systems that do not do everything they are asked for.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "catch.h"
#include "core/base/file.h"
#include "core/base/file_lock.h"
#include "core/base/system_call.h"
#include "support/faults.h"
#include "support/temp_dir.h"

using namespace espalier;

namespace {

constexpr auto kCode = ErrorCode::checkpoint;

std::string hint_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.hint();
  }
  return "no error";
}

// Whether another process gets the lock of a folder.
bool other_process_gets(const fs::path& dir) {
  const pid_t child = ::fork();
  if (child == 0) {
    try {
      const FolderLock lock(dir);
      ::_exit(0);
    } catch (const Error&) {
      ::_exit(1);
    }
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

TEST_CASE("a file system that cannot sync folders, or anything, is written to all the same", "[base][faults]") {
  const TempDir dir;
  const fs::path file = dir.path() / "f";
  for (const int error : {EINVAL, ENOSYS, EOPNOTSUPP, EROFS, EBADF}) {
    const auto on = GENERATE(Fault::On::folders, Fault::On::all);
    const Fault fault("fsync", error, -1, on);
    write_file_atomic(file, std::to_string(error), kCode);
    CHECK_FALSE(sync_where_possible(dir.path(), kCode));
    CHECK(fault.met() >= 2);
    CHECK(read_file(file, kCode) == std::to_string(error));
  }
  CHECK(sync_where_possible(dir.path(), kCode));
}

TEST_CASE("what a disk reports while it syncs is an error", "[base][faults]") {
  const TempDir dir;
  write_file(dir.path() / "f", "old", kCode);
  for (const int error : {EIO, ENOSPC, EDQUOT}) {
    const Fault fault("fsync", error);
    CHECK_THROWS_WITH(write_file_atomic(dir.path() / "f", "new", kCode), Catch::Contains("cannot sync"));
    CHECK_THROWS_AS(fsync_path(dir.path(), kCode), Error);
  }
  CHECK(read_file(dir.path() / "f", kCode) == "old");
  CHECK_FALSE(fs::exists(dir.path() / "f.tmp"));
}

TEST_CASE("a write that fails leaves no neighbour and says what would help", "[base][faults]") {
  const TempDir dir;
  const fs::path file = dir.path() / "f";
  const auto write = [&] { write_file_atomic(file, "new", kCode); };
  for (const auto& [error, hint] : {std::pair{ENOSPC, "disk space"}, {EFBIG, "ulimit -f"}, {EROFS, "--run-dir"}}) {
    const Fault fault("write", error);
    CHECK_THAT(hint_of(write), Catch::Contains(hint));
    CHECK(fs::is_empty(dir.path()));
  }
  {
    const Fault fault("rename", EIO);
    CHECK_THROWS_WITH(write(), Catch::Contains("rename into place"));
    CHECK(fs::is_empty(dir.path()));
  }
  const Fault fault("open", EROFS);
  CHECK_THAT(hint_of([&] { write_file(file, "x", ErrorCode::data); }), Catch::Contains("data.cache_dir"));
}

TEST_CASE("calls that a signal interrupts, or that do half of the work, are gone on with", "[base][faults]") {
  const TempDir dir;
  const fs::path file = dir.path() / "f";
  const std::string text(1000, 'x');
  {
    const Fault opened("open", EINTR, 1), interrupted("write", EINTR, 2), half("write", 0, 3),
        synced("fsync", EINTR, 2);
    write_file_atomic(file, text, kCode);
    CHECK(opened.met() == 1);
    CHECK(interrupted.met() == 2);
    CHECK(half.met() == 3);
    CHECK(synced.met() == 2);
  }
  CHECK(read_file(file, kCode) == text);
  const Fault interrupted("read", EINTR, 3);
  CHECK(sha256_file(file, kCode) == sha256_bytes(text));
  CHECK(interrupted.met() == 3);
}

TEST_CASE("a file system without memory maps is read", "[base][faults]") {
  const TempDir dir;
  const std::string text(100000, 'm');
  write_file(dir.path() / "f", text, kCode);
  for (const int error : {ENODEV, ENOSYS}) {
    const Fault fault("mmap", error), interrupted("read", EINTR, 1);
    const MappedFile map(dir.path() / "f", kCode);
    CHECK(fault.met() == 1);
    CHECK(std::string(reinterpret_cast<const char*>(map.bytes().data()), map.bytes().size()) == text);
  }
  const Fault fault("mmap", ENOMEM);
  CHECK_THROWS_WITH(MappedFile(dir.path() / "f", kCode), Catch::Contains("cannot map"));
}

TEST_CASE("a lock that a signal interrupts is taken, and no other process gets it", "[base][faults]") {
  const TempDir dir;
  const Fault interrupted("flock", EINTR, 2);
  const FolderLock lock(dir.path());
  CHECK(interrupted.met() == 2);
  CHECK_FALSE(other_process_gets(dir.path()));
}

TEST_CASE("without flock(2), a lock of the open file keeps others out", "[base][faults]") {
  for (const int error : {ENOLCK, EOPNOTSUPP, ENOSYS, EINVAL, EBADF}) {
    const TempDir dir;
    const Fault fault("flock", error), interrupted("fcntl", EINTR, 1);
    {
      const FolderLock lock(dir.path());
      CHECK_FALSE(other_process_gets(dir.path()));
    }
    CHECK(other_process_gets(dir.path()));
  }
}

TEST_CASE("without any locks a folder is used, one that cannot be locked is not", "[base][faults]") {
  const TempDir dir;
  {
    const Fault no_flock("flock", ENOLCK), no_locks("fcntl", ENOLCK);
    const FolderLock lock(dir.path());
    CHECK(no_locks.met() == 1);
  }
  const Fault fault("flock", EIO);
  CHECK_THROWS_WITH(FolderLock(dir.path()), Catch::Contains("cannot lock: Input/output error"));
}

TEST_CASE("a busy lock is another process, whichever call says so", "[base][faults]") {
  const TempDir dir;
  {
    const Fault fault("flock", EWOULDBLOCK);
    CHECK_THROWS_WITH(FolderLock(dir.path()), Catch::Contains("another espalier process"));
  }
  const Fault no_flock("flock", ENOLCK), busy("fcntl", EAGAIN);
  CHECK_THROWS_WITH(FolderLock(dir.path()), Catch::Contains("another espalier process"));
}

TEST_CASE("the file of a lock that goes away under a waiting process is not locked instead", "[base][file]") {
  const TempDir dir;
  const fs::path path = dir.path() / ".lock";
  std::ofstream(path) << "";
  const int fd = ::open(path.c_str(), O_RDWR);
  REQUIRE(lock_file(fd, false) == LockState::held);
  CHECK(is_same_file(fd, path));
  fs::remove(path);
  CHECK_FALSE(is_same_file(fd, path));
  std::ofstream(path) << "";
  CHECK_FALSE(is_same_file(fd, path));
  ::close(fd);
}
