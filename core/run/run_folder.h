// The folder of a run: whose it is, from where the run continues, and what is written there first.
#pragma once

#include <optional>
#include <string>

#include "core/base/file.h"
#include "core/checkpoint/snapshot/checkpoint.h"
#include "core/run/config.h"

namespace espalier {

// Locked while it lives. The lock file is removed again where it was not there before, unless the run begins.
class RunFolder {
 public:
  // Makes the folder where there is none and looks for the newest valid checkpoint; names damaged ones in the log.
  // Throws Error(config) where another process has the folder, or where checkpoint.resume = "never" forbids to go on.
  RunFolder(const fs::path& dir, const RunConfig& config);

  const fs::path& dir() const { return dir_; }
  fs::path checkpoints() const { return dir_ / "checkpoints"; }
  // What the run continues from; nothing in a new one.
  const std::optional<Found>& resumed() const { return resumed_; }
  const Snapshot* snapshot() const { return resumed_ ? &resumed_->snapshot : nullptr; }
  const TrainState* state() const { return resumed_ ? &resumed_->snapshot.state : nullptr; }
  // The state, which is large, to go on with: once.
  TrainState take_state() { return std::move(resumed_->snapshot.state); }

  // Removes what an interrupted process left unfinished.
  void clean() const;
  // The first that is written: leftovers are removed, then the log with the lines so far, environment and
  // configuration. Throws Error(config).
  void begin(const std::string& config_toml, const std::string& environment);

 private:
  // Removes the lock file while the lock is still held.
  struct LockFile {
    LockFile(fs::path file, bool remove_it) : path(std::move(file)), remove(remove_it) {}
    LockFile(const LockFile&) = delete;
    LockFile& operator=(const LockFile&) = delete;
    ~LockFile();

    fs::path path;
    bool remove;
  };

  fs::path dir_;
  bool had_lock_file_;  // before this process came
  FolderLock lock_;
  LockFile lock_file_;
  std::optional<Found> resumed_;
};

}  // namespace espalier
