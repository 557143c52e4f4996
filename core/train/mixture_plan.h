// The data mixture of the whole run before step 1, as far as it can be known: what the loss will do cannot.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/train/decisions.h"

namespace espalier {

// Steps from `start` on, until the next span's, with one mixture.
struct MixtureSpan {
  int64_t start = 0;
  MixtureWeights shares;  // each list sums to 1; empty where the schedule does not fill it
};

// One stage of the run, as far as the mixture needs to know.
struct MixtureStage {
  int64_t start = 0, steps = 0, phase_steps = 0;  // phase_steps: those of phase 1, at the beginning
  double flops = 0;
};

// Goes through the run, from step `start.step` on, with the mixture, the learning rate of each step in lr_previous, and
// `tokens_before(step)`; a mixture with state observes each step, without metrics, and gets its state back. Of more
// than a million steps an even part is visited. `start` has the totals. Throws Error as the schedules do.
std::vector<MixtureSpan> plan_mixture(const Decisions& decisions, Progress start,
                                      const std::vector<MixtureStage>& stages,
                                      const std::function<int64_t(int64_t step)>& tokens_before);

// The span that holds a step.
const MixtureSpan& mixture_at(const std::vector<MixtureSpan>& spans, int64_t step);

// One line a change; of many changes some, evenly spaced. Empty for a mixture that never changes.
std::string format_mixture(const std::vector<MixtureSpan>& spans, const std::vector<std::string>& sources,
                           int64_t total_steps);

}  // namespace espalier
