#include "core/plugin/progress.h"

#include <algorithm>
#include <limits>

namespace espalier::plugin {
namespace {

// Counts are never negative; clamping keeps a bug of ours from becoming 2^64 in a plugin.
uint64_t count(int64_t value) {
  return static_cast<uint64_t>(std::max<int64_t>(value, 0));
}
uint32_t small(int64_t value) {
  return static_cast<uint32_t>(std::clamp<int64_t>(value, 0, std::numeric_limits<uint32_t>::max()));
}

}  // namespace

esp_progress to_abi(const Progress& progress) {
  esp_progress out{};
  out.struct_size = sizeof(esp_progress);
  out.stage = small(progress.stage);
  out.num_stages = small(progress.num_stages);
  out.phase = small(progress.phase);
  out.step = count(progress.step);
  out.total_steps = count(progress.total_steps);
  out.tokens = count(progress.tokens);
  out.total_tokens = count(progress.total_tokens);
  out.stage_step = count(progress.stage_step);
  out.stage_total_steps = count(progress.stage_total_steps);
  out.epoch = progress.epoch;
  out.flops = progress.flops;
  out.total_flops = progress.total_flops;
  out.lr_peak = progress.lr_peak;
  out.lr_previous = progress.lr_previous;
  return out;
}

}  // namespace espalier::plugin
