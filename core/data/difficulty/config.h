// [difficulty]
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/config/fields.h"

namespace espalier {

struct DifficultyConfig {
  PluginChoice plugin;
  int64_t tiers = 4;
  std::string tier_by = "quantile";
  std::vector<double> quantiles, thresholds;
  std::string tier_file;
  std::vector<std::string> tier_labels;
  bool isolate = true;
  double call_timeout = 300;
  double max_unscored = 0.5;
  int64_t threads = 0;

  void fields(Fields& f);
};

}  // namespace espalier
