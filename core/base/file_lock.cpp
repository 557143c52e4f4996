#include "core/base/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/system_call.h"

namespace espalier {
namespace {

// ENOLCK: no lock daemon, or its table is full; EBADF: NFS makes a flock a lock for writing, which a file that was
// opened for reading cannot have.
bool has_no_locks(int error) {
  return not_supported(error) || error == ENOLCK || error == EBADF;
}

LockState state_of(int error) {
  if (error == EWOULDBLOCK || error == EACCES) return LockState::busy;
  return has_no_locks(error) ? LockState::unsupported : LockState::failed;
}

}  // namespace

LockState lock_file(int fd, bool wait) {
  if (uninterrupted([&] { return ::flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB); }) == 0) return LockState::held;
  if (const LockState state = state_of(errno); state != LockState::unsupported) return state;
  struct flock whole {};
  whole.l_type = F_WRLCK;
  whole.l_whence = SEEK_SET;
  if (uninterrupted([&] { return ::fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &whole); }) == 0)
    return LockState::held;
  return state_of(errno);
}

bool is_same_file(int fd, const std::filesystem::path& path) {
  struct stat opened {
  }, named{};
  return ::fstat(fd, &opened) == 0 && ::stat(path.c_str(), &named) == 0 && opened.st_dev == named.st_dev &&
         opened.st_ino == named.st_ino;
}

}  // namespace espalier
