// Difficulty scores of the training documents: from the side-cars where they are present, else made by a scorer, on
// several threads, and kept.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/data/difficulty/difficulty.h"
#include "core/data/shards/token_shard.h"
#include "core/data/tokenizer/tokenizer.h"

namespace espalier {

struct ScoredShard {
  std::string source;
  std::filesystem::path stem;
  std::string key;  // hash of the shard's contents
  const TokenShard* shard = nullptr;
  std::vector<float> scores;         // empty: not scored
  std::filesystem::path side_car{};  // where the scores are kept; empty: not scored
};

struct ScoringOptions {
  int64_t threads = 0;             // 0: one a core. The scores do not depend on it.
  double max_unscored = 1;         // largest share of documents without a score
  InputScorers* inputs = nullptr;  // null: scorers that ask for inputs are refused
};

struct ScoringReport {
  uint64_t documents = 0, unscored = 0;
  uint64_t reused = 0;      // documents whose scores came from side-cars
  uint64_t text_bytes = 0;  // of the documents scored now
  double seconds = 0;       // spent on them, fitting and inputs included
};

// Fills scores and side_car. A scorer that is fitted sees all documents of all shards first, in parts that depend on
// the data alone where it can merge; its scores belong to this set of shards. Inputs are scored first, the same way.
// Throws Error(data); Error(plugin) that names the documents at hand, or too many documents without a score.
ScoringReport score_shards(std::vector<ScoredShard>& shards, const Tokenizer& tokenizer, DifficultyScorer& scorer,
                           const ScoringOptions& options = {});

}  // namespace espalier
