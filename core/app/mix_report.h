// A run's data before it is trained on: which source and tier each part of the run draws from, and how often each
// source is seen. A dry run over the sample stream: the draws are those of training, no model is built.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/run/plan.h"

namespace espalier {

// Fractions of the tokens of the steps [start, end); each adds up to 1.
struct MixSpan {
  int64_t start = 0, end = 0;
  std::vector<double> sources, tiers;
};

struct MixSource {
  std::string name;
  uint64_t tokens = 0;      // that the source holds
  uint64_t drawn = 0;       // that the run draws from it
  double fraction = 0;      // of all that the run draws
  int64_t first_pass = -1;  // finished steps when as many were drawn as it holds; -1: never
};

struct MixReport {
  std::vector<MixSpan> spans;
  std::vector<MixSource> sources;
  int64_t steps = 0;         // that were looked at
  int64_t out_of_data = -1;  // the step at which every source is used up; -1: not in these steps
};

// The first `steps` steps (0: all) of the run, in at most `num_spans` spans of equal length. Schedules that look at the
// loss see none. Throws Error(data) when a source with the policy `error` is used up, Error(plugin).
MixReport mix_report(const RunConfig& config, const PreparedData& data, TokenStream stream, const RunPlan& plan,
                     int64_t steps, int64_t num_spans);

}  // namespace espalier
