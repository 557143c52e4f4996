// The data of a run: the first of the values that it is made of (data, length, shape, plan).
#pragma once

#include <cstdint>
#include <memory>

#include "core/data/prepare/prepare.h"
#include "core/data/stream/token_stream.h"
#include "core/dist/comm.h"
#include "core/run/plugin_host.h"
#include "core/train/state.h"

namespace espalier {

struct RunData {
  std::unique_ptr<Tokenizer> tokenizer;
  std::unique_ptr<PreparedData> prepared;  // streams point to it
  PluginUses plugins;                      // the scorer, and what it asked for
};

// Tokenizes and scores what is not in the cache yet. Throws Error(data), Error(config), Error(plugin).
RunData make_data(const RunConfig& config, const PluginHost& host);

// One sentence for the log.
std::string describe(const RunData& data);

// The vocabulary that make_data() would give, without reading any text. Throws Error(data), Error(config).
int64_t planned_vocab_size(const RunConfig& config);

// The training samples from the first one on, as this rank sees them. `resumed`: what the run continues from, or null.
// `data` must outlive it.
TokenStream make_stream(const RunConfig& config, const RunData& data, const Comm& comm,
                        const TrainState* resumed = nullptr);

}  // namespace espalier
