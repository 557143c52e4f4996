// The run's held-out text: what validation, growth audits and samples are made from.
#pragma once

#include <vector>

#include "core/data/stream/val_set.h"
#include "core/growth/audit.h"
#include "core/run/data.h"

namespace espalier {

// One set a source with held-out text; none where validation is off.
std::vector<ValSet> validation_sets(const RunConfig& config, const RunData& data);
// Held-out text where there is any, else the first windows of the first source: the same at every event and on resume.
growth::Probe make_probe(const RunData& data, const std::vector<ValSet>& sets, int64_t seq_len, at::Device device);
// Bits per byte of token frequencies alone, over all sets; NaN where they hold no text.
double unigram_baseline(const RunData& data, const std::vector<ValSet>& sets);
// Generates the configured samples, writes them to `path` and to the log. Throws Error(config) where it cannot.
void write_samples(const RunConfig& config, const Tokenizer& tokenizer, const TrainState& state, const fs::path& path,
                   ComputeType compute);

}  // namespace espalier
