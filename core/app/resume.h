// Where a run writes and from where it continues: the run folder, the newest checkpoint, plugin state.
#pragma once

#include <optional>

#include "core/app/run.h"
#include "core/app/session.h"

namespace espalier {

// What the run writes to and where it continues from.
struct Start {
  fs::path run_dir, checkpoints;
  std::optional<Found> resumed;
};

// Makes the folder. Throws Error(config).
Start open_run_folder(const RunConfig& config, const RunOptions& options);
// Looks for the newest valid checkpoint; names damaged ones in the log. Throws Error(config) where resume = "never"
// forbids it.
void find_checkpoint(Start& start, const RunConfig& config);
// The saved run must be this run: same tokenizer, same shape at its stage. Throws Error(checkpoint).
void check_resumable(const Snapshot& snapshot, const Session& s, const fs::path& dir);
// Logs every plugin that is not the binary which the checkpoint was written with.
void warn_of_changed_plugins(const std::vector<PluginRecord>& then, const std::vector<PluginRecord>& now);

std::map<std::string, std::string> save_plugin_state(const Session& s);
void load_plugin_state(Session& s, const std::map<std::string, std::string>& state);

TrainState to_device(TrainState state, at::Device device);

}  // namespace espalier
