// Advisory locks of open files that work on as many file systems as can be: flock(2), else a lock of the open file
// description (fcntl(2), F_OFD_SETLK), as NFS without a lock daemon and some FUSE and parallel file systems have only
// one of the two or neither.
#pragma once

#include <filesystem>

namespace espalier {

enum class LockState {
  held,
  busy,         // another process holds it
  unsupported,  // this file system has no locks
  failed,       // errno says why
};

// Exclusive; `wait`: until it is free, whatever signals come. Released when the last copy of `fd` is closed, or the
// process ends.
LockState lock_file(int fd, bool wait);

// Whether `path` still names the file that is open as `fd`.
bool is_same_file(int fd, const std::filesystem::path& path);

}  // namespace espalier
