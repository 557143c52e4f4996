// System calls whose errno is told apart: interrupted, not known to this file system, or truly failed.
#pragma once

#include <cerrno>
#include <filesystem>

#include "core/base/error.h"

namespace espalier {

// Calls again as long as a signal interrupts it. For calls that return a negative number and set errno.
template <class Call>
auto uninterrupted(const Call& call) {
  for (;;) {
    const auto result = call();
    if (result >= 0 || errno != EINTR) return result;
  }
}

// The kernel or the file system has no such operation; nothing is wrong with the file or the disk.
inline bool not_supported(int error) {
  return error == EINVAL || error == ENOSYS || error == EOPNOTSUPP || error == ENOTTY;
}

// Writing is what is not allowed here, for whatever reason.
inline bool read_only(int error) {
  return error == EROFS || error == EACCES || error == EPERM;
}

// Syncs a file or a folder. False where the file system cannot do that (some network file systems and FUSE), which is
// no failure: SQLite and PostgreSQL go on there, too. What a disk reports is thrown as an Error with the path.
bool sync_where_possible(const std::filesystem::path& path, ErrorCode code);

}  // namespace espalier
