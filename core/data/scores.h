// Difficulty scores of the training documents, kept beside their shard: <stem>.<hash>.npy (float32, one a document, NaN
// = the scorer cannot say) and <stem>.<hash>.npy.json (which scorer made them).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/data/difficulty.h"
#include "core/data/token_shard.h"
#include "core/data/tokenizer.h"

namespace espalier {

struct ScoredShard {
  std::string source;
  std::filesystem::path stem;
  std::string key;  // hash of the shard's contents
  const TokenShard* shard = nullptr;
  std::vector<float> scores;  // empty: not scored
};

// Fills the scores, from the side-cars where they are present. A scorer that is fitted sees all documents of all shards
// first, so its scores belong to this set of shards. Throws Error(data), Error(plugin).
void score_shards(std::vector<ScoredShard>& shards, const Tokenizer& tokenizer, DifficultyScorer& scorer);

}  // namespace espalier
