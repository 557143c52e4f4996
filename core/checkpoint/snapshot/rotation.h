// Which checkpoints are kept: by validity and origin, not by number alone.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "core/base/file.h"

namespace espalier {

// Checkpoints whose files were compared with their sha256. One whose files have not been touched since is not read
// again: a checkpoint may have many gigabytes, and the older ones are asked about at each save.
class VerifiedCheckpoints {
 public:
  // The folder was verified, or written, just now.
  void add(const fs::path& dir);
  // Verifies it where need be. A damaged one is named in the log, once.
  bool is_valid(const fs::path& dir);

 private:
  struct Known {
    std::string stamp;
    bool valid = false;
  };
  std::map<fs::path, Known> known_;
};

// After `saved` was written: removes checkpoints older than it, so that `keep_latest` valid ones are left, itself
// counted. 0 keeps all. A damaged one does not count, and goes when it is older than those that do. Never removed: the
// one just saved, what comes after it, that of step `keep_step`, and folders that this program did not make.
void rotate_checkpoints(const fs::path& saved, int64_t keep_latest, std::optional<int64_t> keep_step,
                        VerifiedCheckpoints& verified);

}  // namespace espalier
