// The training data of a configuration with the scores of one or more scorers, for the verbs that look at them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/data/prepare/prepare.h"
#include "core/run/scorer_plugins.h"

namespace espalier {

struct ScoredBy {
  std::string name;  // as asked for
  PluginChoice choice;
  bool configured = false;          // the scorer of [difficulty]
  std::vector<ScoredShard> shards;  // the training shards, in the order of the sources
  ScoringReport report;
};

struct ScoredData {
  RunConfig config;
  std::unique_ptr<plugin::Registry> registry;
  std::unique_ptr<Scorers> scorers;
  std::unique_ptr<Tokenizer> tokenizer;
  PreparedData data;  // one tier
  std::vector<ScoredBy> scored;

  std::vector<ScoredShard> unscored_shards() const;
};

// Prepares the data and scores it with each of `names`: "compression", "compression { level = 9 }"; none given: with
// the scorer of [difficulty]. Side-cars are used where they are there. With `needed`, no scorer at all is
// Error(config).
std::unique_ptr<ScoredData> score_data(RunConfig config, const std::vector<std::string>& plugin_paths,
                                       const std::vector<std::string>& names, bool needed);

}  // namespace espalier
