// How training goes on after a growth event: when the loss is back where it was, and whether it ran away.
#pragma once

#include <cstdint>
#include <optional>

namespace espalier {

// Plain numbers, part of the training state. The loss is averaged exponentially over about ten steps; the average
// starts anew at each growth.
struct GrowthWatch {
  double average = 0, weight = 0;  // the running average is average / weight
  int64_t samples = 0;             // since the last growth, or the start
  bool watching = false;           // a growth is behind us, and the loss has not recovered
  int64_t step = 0, tokens = 0;    // of that growth
  double loss_before = 0;          // the average when it happened

  double loss() const { return weight > 0 ? average / weight : 0; }

  // A step was trained at `tokens`. The tokens since the growth when the loss has just recovered, else nothing.
  std::optional<int64_t> observe(double train_loss, int64_t now_tokens) {
    constexpr double kKeep = 0.9;
    constexpr int64_t kMinSamples = 5;  // one lucky batch is not a recovery
    average = kKeep * average + (1 - kKeep) * train_loss;
    weight = kKeep * weight + (1 - kKeep);
    samples += 1;
    if (!watching || samples < kMinSamples || loss() > loss_before) return std::nullopt;
    watching = false;
    return now_tokens - tokens;
  }

  void grown(int64_t at_step, int64_t at_tokens) {
    const bool known = samples > 0;
    *this = {0, 0, 0, known, at_step, at_tokens, loss()};
  }

  // `after` steps past the growth the loss is still more than `bound` nats above what it was.
  bool ran_away(int64_t now_step, int64_t after, double bound) const {
    return watching && now_step - step == after && loss() > loss_before + bound;
  }
};

}  // namespace espalier
