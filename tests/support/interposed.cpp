// The system calls that a test program makes itself, for itself and for every library that it loads: those that a Fault
// meets fail, and those below the folder of a DiskRecording are written down. What the C library calls within itself,
// as for a FILE, is not seen.
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <optional>
#include <string>

#include "support/disk_recording.h"
#include "support/faults.h"

namespace {

using espalier::DiskRecording;

bool fails(const char* name, int fd = -1) {
  const auto* rule = espalier::fault_for(name, fd);
  if (rule == nullptr) return false;
  errno = rule->error;
  return true;
}

int open_at(int folder, const char* path, int flags, mode_t mode) {
  if ((flags & O_ACCMODE) != O_RDONLY && fails("open")) return -1;
  const auto real = [&] { return ::syscall(SYS_openat, folder, path, flags, mode); };
  auto* const disk = DiskRecording::current();
  return static_cast<int>(disk == nullptr ? real() : disk->open(folder, path, flags, real));
}

mode_t mode_of(int flags, va_list more) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
}

ssize_t write_at(int fd, const char* bytes, size_t size, std::optional<off_t> at) {
  const auto real = [&](size_t most) {
    return at ? ::syscall(SYS_pwrite64, fd, bytes, most, *at) : ::syscall(SYS_write, fd, bytes, most);
  };
  if (const auto* rule = espalier::fault_for("write", fd)) {
    if (rule->error == 0) return real(std::min<size_t>(size, 1));
    errno = rule->error;
    return -1;
  }
  auto* const disk = DiskRecording::current();
  return disk == nullptr ? real(size) : disk->write(fd, bytes, size, at, real);
}

int sync(int fd) {
  if (fails("fsync", fd)) return -1;
  const auto real = [&] { return espalier::syncs_are_skipped ? 0 : ::syscall(SYS_fsync, fd); };
  auto* const disk = DiskRecording::current();
  return static_cast<int>(disk == nullptr ? real() : disk->sync(fd, real));
}

int make_folder(int folder, const char* path, mode_t mode) {
  const auto real = [&] { return ::syscall(SYS_mkdirat, folder, path, mode); };
  auto* const disk = DiskRecording::current();
  return static_cast<int>(disk == nullptr ? real() : disk->make_folder(folder, path, real));
}

int remove_at(int folder, const char* path, int flags) {
  const auto real = [&] { return ::syscall(SYS_unlinkat, folder, path, flags); };
  auto* const disk = DiskRecording::current();
  return static_cast<int>(disk == nullptr ? real() : disk->remove(folder, path, real));
}

int rename_at(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  const auto real = [&] { return ::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags); };
  auto* const disk = DiskRecording::current();
  return static_cast<int>(disk == nullptr ? real() : disk->rename(from_folder, from, to_folder, to, flags, real));
}

int resize(int fd, off_t size) {
  const auto real = [&] { return ::syscall(SYS_ftruncate, fd, size); };
  auto* const disk = DiskRecording::current();
  return static_cast<int>(disk == nullptr ? real() : disk->resize(fd, size, real));
}

}  // namespace

extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = mode_of(flags, more);
  va_end(more);
  return open_at(AT_FDCWD, path, flags, mode);
}

int openat(int folder, const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = mode_of(flags, more);
  va_end(more);
  return open_at(folder, path, flags, mode);
}

ssize_t read(int fd, void* to, size_t size) {
  if (fails("read", fd)) return -1;
  return ::syscall(SYS_read, fd, to, size);
}

ssize_t write(int fd, const void* from, size_t size) {
  return write_at(fd, static_cast<const char*>(from), size, {});
}

ssize_t pwrite(int fd, const void* from, size_t size, off_t at) {
  return write_at(fd, static_cast<const char*>(from), size, at);
}

// As one write: those who call it bear a short one.
ssize_t writev(int fd, const struct iovec* parts, int count) {
  std::string all;
  for (int i = 0; i < count; ++i) all.append(static_cast<const char*>(parts[i].iov_base), parts[i].iov_len);
  return write_at(fd, all.data(), all.size(), {});
}

int fsync(int fd) {
  return sync(fd);
}

int fdatasync(int fd) {
  return sync(fd);
}

int ftruncate(int fd, off_t size) noexcept {
  return resize(fd, size);
}

int flock(int fd, int operation) noexcept {
  if (fails("flock", fd)) return -1;
  return static_cast<int>(::syscall(SYS_flock, fd, operation));
}

int fcntl(int fd, int command, ...) {
  va_list more;
  va_start(more, command);
  void* argument = va_arg(more, void*);
  va_end(more);
  if ((command == F_OFD_SETLK || command == F_OFD_SETLKW) && fails("fcntl", fd)) return -1;
  return static_cast<int>(::syscall(SYS_fcntl, fd, command, argument));
}

void* mmap(void* at, size_t size, int protection, int flags, int fd, off_t offset) noexcept {
  if (fd >= 0 && fails("mmap", fd)) return MAP_FAILED;
  return reinterpret_cast<void*>(::syscall(SYS_mmap, at, size, protection, flags, fd, offset));
}

int mkdir(const char* path, mode_t mode) noexcept {
  return make_folder(AT_FDCWD, path, mode);
}

int mkdirat(int folder, const char* path, mode_t mode) noexcept {
  return make_folder(folder, path, mode);
}

int unlink(const char* path) noexcept {
  return remove_at(AT_FDCWD, path, 0);
}

int unlinkat(int folder, const char* path, int flags) noexcept {
  return remove_at(folder, path, flags);
}

int rmdir(const char* path) noexcept {
  return remove_at(AT_FDCWD, path, AT_REMOVEDIR);
}

int remove(const char* path) noexcept {
  struct stat info {};
  const bool folder = ::lstat(path, &info) == 0 && S_ISDIR(info.st_mode);
  return remove_at(AT_FDCWD, path, folder ? AT_REMOVEDIR : 0);
}

int rename(const char* from, const char* to) noexcept {
  if (fails("rename")) return -1;
  return rename_at(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
  if (fails("rename")) return -1;
  return rename_at(from_folder, from, to_folder, to, 0);
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  if (fails("renameat2")) return -1;
  return rename_at(from_folder, from, to_folder, to, flags);
}

int link(const char* from, const char* to) noexcept {
  const auto real = [&] { return ::syscall(SYS_linkat, AT_FDCWD, from, AT_FDCWD, to, 0); };
  auto* const disk = DiskRecording::current();
  return static_cast<int>(disk == nullptr ? real() : disk->link(AT_FDCWD, from, AT_FDCWD, to, real));
}

}  // extern "C"
