// One process at a time works on a cache folder; the others wait and then find everything made. The ranks of a run need
// no other agreement about preparing data.
#pragma once

#include <filesystem>

namespace espalier {

// Held from construction to destruction, released by the system when the process dies.
class CacheLock {
 public:
  // Makes the folder when it is missing, waits for its lock. A folder that cannot be written to, and a file system that
  // has no locks, are told in the log: what is prepared there already can be used. Removes what a killed process left
  // of small files. Throws Error(data) when the folder cannot be used.
  explicit CacheLock(const std::filesystem::path& folder);
  ~CacheLock();
  CacheLock(const CacheLock&) = delete;
  CacheLock& operator=(const CacheLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace espalier
