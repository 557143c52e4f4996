// From the configuration to data that can be drawn from: tokenizer, token shards, difficulty scores, tiers. Everything
// made is kept in the cache folder under the hash of what it was made from, and used again while that is the same.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/data/difficulty/difficulty.h"
#include "core/data/difficulty/tier_rule.h"
#include "core/data/difficulty/tiers.h"
#include "core/data/prepare/config.h"
#include "core/data/prepare/tokenize.h"
#include "core/data/shards/token_shard.h"
#include "core/data/tokenizer/tokenizer.h"

namespace espalier {

struct PreparedSource {
  std::string name;
  double weight = 0;  // as configured; 0: by tokens
  ExhaustedPolicy exhausted = ExhaustedPolicy::repeat;
  TokenShard train;
  ShardTotals train_totals;
  std::optional<TokenShard> val;
  ShardTotals val_totals;
  std::string train_key;               // hash of text and tokenizer
  std::vector<uint8_t> tiers;          // of each training document
  std::filesystem::path train_stem{};  // of files that belong to the training shards, in the cache
};

struct PreparedData {
  std::vector<PreparedSource> sources;
  std::vector<Tier> tiers;  // easy to hard; one when there is no scorer
  int32_t eos = 0;
};

// The tokenizer of the configuration: "byte", "sentencepiece" (trained on the training text of all sources, or taken
// from the cache), or a path. Throws Error(data) or Error(config).
std::unique_ptr<Tokenizer> make_tokenizer(const PrepareConfig& config);

// Throws Error(data), Error(config), Error(plugin).
PreparedData prepare_sources(const PrepareConfig& config, const Tokenizer& tokenizer,
                             const DifficultySetup& difficulty);
// With tiers of equal token mass; `scorer` may be null: then there is one.
PreparedData prepare_sources(const PrepareConfig& config, const Tokenizer& tokenizer, DifficultyScorer* scorer,
                             int64_t num_tiers);

}  // namespace espalier
