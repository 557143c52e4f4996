// How far a run is.
#pragma once

#include <cstdint>

namespace espalier {

// Where a run is: all that a decision may depend on (esp_progress).
struct Progress {
  int64_t step = 0, total_steps = 0, tokens = 0, total_tokens = 0;
  int64_t stage = 0, num_stages = 1, phase = 0, stage_step = 0, stage_total_steps = 0;
  double epoch = 0, flops = 0, total_flops = 0, lr_peak = 0, lr_previous = 0;
};

}  // namespace espalier
