// Step shapes over many steps, and how far a random count may be from its mean.
#pragma once

#include <cmath>
#include <string>
#include <vector>

#include "methods/method.h"

namespace espalier::test {

// Step `step` of a run of 1000, in a stage.
inline Progress at_step(int64_t step, int64_t stage = 0) {
  Progress progress;
  progress.step = progress.stage_step = step;
  progress.total_steps = 1000;
  progress.stage = stage;
  progress.num_stages = 8;
  return progress;
}

inline StepShape everything(const ModelSpec& spec) {
  return StepShape::everything(spec.num_layers);
}

inline StepShape shape_at(growth::Strategy& strategy, const ModelSpec& spec, const Progress& progress) {
  StepShape shape = everything(spec);
  strategy.fill_step_shape(progress, spec, shape);
  return shape;
}

// How often each layer runs in `steps` steps of a stage, from step `first` on.
inline std::vector<double> runs_of_layers(growth::Strategy& strategy, const ModelSpec& spec, int64_t stage,
                                          int64_t steps, int64_t first = 0) {
  std::vector<double> out(static_cast<size_t>(spec.num_layers), 0);
  for (int64_t step = first; step < first + steps; ++step) {
    const StepShape shape = shape_at(strategy, spec, at_step(step, stage));
    for (size_t i = 0; i < out.size(); ++i) out[i] += shape.run[i];
  }
  return out;
}

// Is `count` of `n` independent draws within four standard deviations of probability p?
inline bool within_4_sigma(double count, double n, double p) {
  return std::abs(count - n * p) <= 4 * std::sqrt(n * p * (1 - p)) + 1e-9;
}

// A list of real numbers, as in the user's TOML.
inline Setting reals(const std::vector<double>& numbers) {
  Setting out(0);
  out.value.is_list = true;
  out.value.items.clear();
  for (const double number : numbers) out.value.items.emplace_back(number);
  return out;
}

}  // namespace espalier::test
