// Trains a byte-level BPE (Sennrich et al. 2016; on bytes as in Radford et al. 2019). The result depends on the texts
// and the settings only: not on the clock, the number of cores or the order in which documents are added.
#pragma once

#include <cstdint>
#include <string>

#include "core/data/tokenizer/bpe_tokenizer.h"
#include "core/data/tokenizer/sentencepiece_training.h"

namespace espalier {

// The settings that shape a tokenizer, as text, for cache keys.
std::string bpe_settings(int64_t vocab_size);

// Ids 0 to 255 are the bytes, then the merged tokens in the order in which they were made, then <|endoftext|>; text is
// cut into pieces as GPT-2 does. The most frequent pair is merged first; of equally frequent ones the one whose bytes
// come first. Ends early when no pair is there twice. Throws Error(data) when `vocab_size` is below 257 or there is no
// text.
BpeParts train_bpe(const TextSample& sample, int64_t vocab_size);

}  // namespace espalier
