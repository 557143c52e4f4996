// A checkpoint: a Hugging Face model folder plus espalier/. Written beside its place, fsynced, renamed, LATEST last;
// read manifest first, every file against its sha256.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "core/base/file.h"
#include "core/config/fields.h"
#include "core/train/state.h"

namespace espalier {

// What a checkpoint holds beside the training state.
struct Snapshot {
  TrainState state;
  std::string data_state;                           // JSON of the data layer
  std::map<std::string, std::string> plugin_state;  // slot -> bytes
  std::vector<PluginRecord> plugins;
  std::string config_toml;  // resolved configuration
};

// [checkpoint]
struct CheckpointConfig {
  Duration interval{0, Duration::Unit::steps};
  int64_t keep_latest = 3;
  bool at_growth = false;
  std::string resume = "auto";
  std::string initial_load_path;
  std::string initial_load_optimizer = "load";

  void fields(Fields& f);
};

// Writes tokenizer files into a folder; the data layer provides it.
using TokenizerWriter = std::function<void(const fs::path& dir)>;

// Writes runs/<name>/checkpoints/step-00000120, then LATEST, then removes the oldest beyond keep_latest, but not that
// of step `keep_step`. Returns the folder. On failure nothing that existed is touched. Throws Error(checkpoint).
fs::path save_checkpoint(const fs::path& checkpoints_dir, const Snapshot& snapshot, int64_t eos_token_id,
                         const TokenizerWriter& write_tokenizer, int64_t keep_latest,
                         std::optional<int64_t> keep_step = {});

// Makes the checkpoint of `step` the newest again: LATEST names it, later ones are removed. Returns its folder.
// Throws Error(checkpoint) when there is no valid one.
fs::path roll_back(const fs::path& checkpoints_dir, int64_t step);

// Reads and verifies one checkpoint folder. Throws Error(checkpoint) naming the file at fault.
Snapshot load_checkpoint(const fs::path& dir);

// The newest valid checkpoint under checkpoints_dir, or nothing when there is none at all. A damaged one is named in
// `skipped` and the one before it is tried; Error(checkpoint) when all are damaged.
struct Found {
  fs::path dir;
  Snapshot snapshot;
};
std::optional<Found> load_latest(const fs::path& checkpoints_dir, std::vector<std::string>& skipped);

// Weights alone, from a checkpoint of ours or any folder with config.json and model.safetensors.
struct LoadedModel {
  ModelSpec spec;
  ParamTable params;
};
LoadedModel load_model(const fs::path& dir);

}  // namespace espalier
