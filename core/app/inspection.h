// What `espalier data inspect` shows, as data and as text.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include <string>
#include <vector>

#include "core/app/scored_data.h"
#include "core/data/difficulty/score_stats.h"

namespace espalier {

struct Example {
  ScoredDocument at;
  uint64_t tokens = 0;
  std::string hash;  // first 16 digits of the SHA-256 of the text, as tier files take it
  std::string excerpt;
};

// One scorer's part.
struct ScorerInspection {
  std::string name;
  HistogramRange range;
  ScoreSummary all;
  std::vector<ScoreSummary> sources;
  std::vector<Tier> tiers;
  std::vector<Example> examples;
};

struct Inspection {
  std::vector<std::string> sources;
  std::vector<ScorerInspection> scorers;
  std::vector<std::vector<double>> correlation;  // Spearman, scorer by scorer
  std::vector<Tier> unscored_tiers;              // of a rule that needs no scores, where there is no scorer
};

// The tiers are those of [difficulty] for its own scorer, and of equal token mass for others.
Inspection inspect(const ScoredData& data);

std::string to_text(const Inspection& inspection);
nlohmann::json to_json(const Inspection& inspection);

}  // namespace espalier
