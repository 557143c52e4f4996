// Whether a checkpoint is of this run, and what it gives back.
#pragma once

#include <string>
#include <vector>

#include "core/data/stream/token_stream.h"
#include "core/data/tokenizer/tokenizer.h"
#include "core/run/plugin_host.h"
#include "core/train/timeline.h"

namespace espalier {

// The saved run must be this run: same tokenizer, same shape at its stage. Throws Error(checkpoint).
void check_resumable(const Snapshot& snapshot, const Tokenizer& tokenizer, const Timeline& timeline,
                     const fs::path& dir);
// What a checkpoint keeps for the data layer. Throw Error(checkpoint) at `dir` when it is not there.
std::string tokenizer_of(const Snapshot& snapshot, const fs::path& dir);
StreamState stream_state_of(const Snapshot& snapshot, const fs::path& dir);
// Logs every plugin that is not the binary which the checkpoint was written with.
void warn_of_changed_plugins(const std::vector<PluginRecord>& then, const PluginUses& now);

TrainState to_device(TrainState state, at::Device device);

}  // namespace espalier
