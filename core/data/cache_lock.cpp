#include "core/data/cache_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"

namespace espalier {

CacheLock::CacheLock(const fs::path& folder) {
  make_dirs(folder, ErrorCode::data);
  const fs::path path = folder / ".lock";
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0)
    throw Error(ErrorCode::data, std::string("cannot open the lock file: ") + std::strerror(errno), path.string(),
                "choose another data.cache_dir");
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  log_info("waiting for another process that prepares data in {}", folder.string());
  while (::flock(fd_, LOCK_EX) != 0 && errno == EINTR) {
  }
}

CacheLock::~CacheLock() {
  ::close(fd_);
}

}  // namespace espalier
