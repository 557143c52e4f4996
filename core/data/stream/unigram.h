// The baseline of a language model: how well the frequencies of single tokens predict a text.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/data/shards/token_shard.h"
#include "core/data/stream/val_set.h"

namespace espalier {

// How often each id occurs in a shard: [vocab_size]. Throws Error(data) for an id outside of the vocabulary.
std::vector<uint64_t> count_tokens(const TokenShard& shard, int32_t vocab_size);

// Bits per byte of a validation set under p(t) = (count(t) + 1) / (total + vocab_size): the cross-entropy that a model
// which sees no context reaches. A trained model must come below it.
double unigram_bits_per_byte(std::span<const uint64_t> counts, const ValSet& set);

}  // namespace espalier
