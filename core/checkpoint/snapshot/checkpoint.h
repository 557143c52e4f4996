// A checkpoint: a Hugging Face model folder plus espalier/. Written beside its place, fsynced, renamed, LATEST last;
// read manifest first, every file against its sha256.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/file.h"
#include "core/checkpoint/snapshot/rotation.h"
#include "core/train/state.h"

namespace espalier {

// What a checkpoint holds beside the training state.
struct Snapshot {
  TrainState state;
  std::string data_state;                           // JSON of the data layer
  std::map<std::string, std::string> plugin_state;  // slot -> bytes
  std::vector<PluginRecord> plugins;
  std::string config_toml;              // resolved configuration
  std::vector<std::string> left_out{};  // slots whose state could not be saved
  std::string quality{};                // what the data of the stage was like so far; empty: not watched
};

// Writes tokenizer files into a folder; the data layer provides it.
using TokenizerWriter = std::function<void(const fs::path& dir)>;

// Writes runs/<name>/checkpoints/step-00000120, then LATEST, then removes older ones as rotate_checkpoints() says.
// Returns the folder. On failure nothing that existed is touched. Throws Error(checkpoint), also for what the tokenizer
// could not write. `verified` may be null: then nothing is known of the older ones.
fs::path save_checkpoint(const fs::path& checkpoints_dir, const Snapshot& snapshot, int64_t eos_token_id,
                         const TokenizerWriter& write_tokenizer, int64_t keep_latest,
                         std::optional<int64_t> keep_step = {}, VerifiedCheckpoints* verified = nullptr);

// Makes the checkpoint of `step` the newest again: LATEST names it, later ones are removed, or set aside where this
// program did not make them. Returns its folder. Throws Error(checkpoint) when there is no valid one.
fs::path roll_back(const fs::path& checkpoints_dir, int64_t step);

// Reads and verifies one checkpoint folder. Throws Error(checkpoint) naming the file at fault.
Snapshot load_checkpoint(const fs::path& dir);
// Compares every file with its sha256 and reads nothing else. Throws Error(checkpoint) naming the file at fault.
void verify_checkpoint(const fs::path& dir);

// newest_checkpoint() that load_checkpoint() takes, or nothing when there is none at all. Throws Error(checkpoint) when
// all are damaged.
struct Found {
  fs::path dir;
  Snapshot snapshot;
};
std::optional<Found> load_latest(const fs::path& checkpoints_dir, std::vector<std::string>& skipped);

}  // namespace espalier
