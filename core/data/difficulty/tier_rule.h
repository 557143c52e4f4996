// How [difficulty] turns documents into tiers: which rule, from which scores.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/toml.h"
#include "core/data/difficulty/config.h"
#include "core/data/difficulty/difficulty.h"
#include "core/data/difficulty/tiers.h"
#include "core/data/text/source_config.h"
#include "core/data/tokenizer/tokenizer.h"

namespace espalier {

// Everything about difficulty that preparing data needs.
struct DifficultySetup {
  DifficultyScorer* scorer = nullptr;  // null: documents have no scores
  InputScorers* inputs = nullptr;      // for scorers that ask for others
  DifficultyConfig config;
  Places places;  // where the settings stand, for errors found later
};

// How many tiers the settings make; 1 where there is no difficulty.
int64_t num_tiers(const DifficultyConfig& config, const std::vector<SourceConfig>& sources);

// Checks the settings together: a rule without what it needs, thresholds or quantiles that do not rise, sources without
// a tier. Throws Error(config) at the key at fault.
void check(const DifficultyConfig& config, const std::vector<SourceConfig>& sources, const Places& places);

// Scores the shards where there is a scorer, and splits their documents. Throws as score_shards() and read_tier_file();
// Error(config) at the rule's key for a tier without documents, which only tiers of equal mass may have.
TierSplit make_tiers(std::vector<ScoredShard>& shards, const Tokenizer& tokenizer, const DifficultySetup& setup,
                     const std::vector<SourceConfig>& sources);

ScoringOptions scoring_options(const DifficultySetup& setup);
// make_tiers() for shards that are scored already. empty_tiers: a tier without documents is no error.
TierSplit split_scored(const std::vector<ScoredShard>& shards, const Tokenizer& tokenizer, const DifficultySetup& setup,
                       const std::vector<SourceConfig>& sources, bool empty_tiers = false);

}  // namespace espalier
