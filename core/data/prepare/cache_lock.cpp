#include "core/data/prepare/cache_lock.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <string>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/file_lock.h"
#include "core/base/log.h"
#include "core/base/system_call.h"

namespace espalier {

namespace {

// "files.json.tmp" and the like, which nobody else is writing while the lock is held. What belongs to a shard is left
// to the writer of the shard.
void remove_leftovers(const fs::path& folder) {
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    const bool ours = name == "files.json.tmp" || (name.starts_with("tokenizer.") && name.ends_with(".tmp")) ||
                      (name.find(".held-out.") != std::string::npos && name.ends_with(".json.tmp"));
    std::error_code ignored;
    if (ours && fs::symlink_status(at->path(), ignored).type() == fs::file_type::regular) fs::remove(*at, ignored);
  }
}

}  // namespace

CacheLock::CacheLock(const fs::path& folder) {
  make_dirs(folder, ErrorCode::data);
  const fs::path path = folder / ".lock";
  fd_ = uninterrupted([&] { return ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644); });
  if (fd_ < 0 && read_only(errno)) {
    log_info("{} cannot be written to: only what is prepared there already can be used", folder.string());
    return;
  }
  if (fd_ < 0)
    throw Error(ErrorCode::data, std::string("cannot open the lock file: ") + std::strerror(errno), path.string(),
                "choose another data.cache_dir");
  LockState state = lock_file(fd_, /*wait=*/false);
  if (state == LockState::busy) {
    log_info("waiting for another process that prepares data in {}", folder.string());
    state = lock_file(fd_, /*wait=*/true);
  }
  if (state == LockState::failed) {
    const int error = errno;
    ::close(fd_);
    throw Error(ErrorCode::data, std::string("cannot lock: ") + std::strerror(error), path.string(),
                "choose another data.cache_dir");
  }
  if (state == LockState::held) {
    remove_leftovers(folder);
    return;
  }
  log_warning("the file system of {} has no locks: nothing keeps two processes from preparing data there at once",
              folder.string());
}

CacheLock::~CacheLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace espalier
