// Where a run writes and from where it continues: the run folder, the newest checkpoint, plugin state.
#pragma once

#include <optional>

#include "core/app/run.h"
#include "core/app/session.h"

namespace espalier {

// What the run writes to and where it continues from.
struct Start {
  fs::path run_dir, checkpoints;
  bool had_lock_file = false;  // before this process came
  std::optional<Found> resumed;
};

// Removes the lock file again that was not in the folder before, unless the run begins. Lives as long as the lock.
class LockFile {
 public:
  explicit LockFile(const Start& start) : path_(start.run_dir / ".lock"), remove_(!start.had_lock_file) {}
  ~LockFile();
  LockFile(const LockFile&) = delete;
  LockFile& operator=(const LockFile&) = delete;
  void keep() { remove_ = false; }

 private:
  fs::path path_;
  bool remove_;
};

// Makes the folder where there is none, and looks at nothing in it. Throws Error(config).
Start open_run_folder(const RunConfig& config, const RunOptions& options);
// Removes what an interrupted process left unfinished in it. Only for the holder of its lock.
void clean_run_folder(const Start& start);
// The first that is written into it: that is removed, then the log with the lines so far, environment and
// configuration. Throws Error(config).
void begin_run_folder(const Start& start, const std::string& config_toml, const std::string& environment);
// Looks for the newest valid checkpoint; names damaged ones in the log. Throws Error(config) where resume = "never"
// forbids it.
void find_checkpoint(Start& start, const RunConfig& config);
// The saved run must be this run: same tokenizer, same shape at its stage. Throws Error(checkpoint).
void check_resumable(const Snapshot& snapshot, const Session& s, const fs::path& dir);
// What a checkpoint keeps for the data layer. Throw Error(checkpoint) at `dir` when it is not there.
std::string tokenizer_of(const Snapshot& snapshot, const fs::path& dir);
StreamState stream_state_of(const Snapshot& snapshot, const fs::path& dir);
// Logs every plugin that is not the binary which the checkpoint was written with.
void warn_of_changed_plugins(const std::vector<PluginRecord>& then, const std::vector<PluginRecord>& now);

// Slot to bytes, of the plugins that have state. A plugin that cannot save is named in `left_out`; without it, its
// Error is thrown.
std::map<std::string, std::string> save_plugin_state(const Session& s, std::vector<std::string>* left_out = nullptr);
// Gives the learning rate and the mixture their state back: they are planned with it.
void load_planned_state(Session& s, const Snapshot& snapshot);
// Gives the others theirs, and logs which start afresh: one whose state could not be saved, or is another plugin's.
void load_plugin_state(Session& s, const Snapshot& snapshot);

TrainState to_device(TrainState state, at::Device device);

}  // namespace espalier
