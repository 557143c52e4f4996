// espalier/state.json: the counters of a run, without tensors.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/train/growth_watch.h"
#include "core/train/step_sizes.h"

namespace espalier {

struct StateRecord {
  int64_t step = 0, tokens = 0, stage = 0, stage_start = 0;
  std::vector<int64_t> stage_starts;  // of the stages begun; empty in checkpoints of before they were kept
  TrainedSteps trained;               // likewise
  double flops = 0, lr_previous = 0;
  // A growth operator under way.
  struct Operators {
    int64_t stage = 0, start = 0, done = 0;
    std::string plan_hash;
  };
  std::optional<Operators> operators;
  GrowthWatch watch;
  std::map<std::string, int64_t> optimizer_steps;  // by parameter
  std::vector<std::string> left_out;               // slots of plugins that could not save their state
  std::string data = "{}";                         // JSON of the data layer
};

std::string write_state(const StateRecord& record);
// Throws Error(checkpoint) naming the key that is missing, of another type or out of range.
StateRecord read_state(std::string_view text, const std::string& place);

}  // namespace espalier
