// Random sub-networks: which layers or units one optimizer step runs, drawn from the host's random numbers alone.
#pragma once

#include <espalier/cpp/growth.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

namespace espalier::sdk {

/// Factor on a part that runs with probability `keep`: "none" 1, "inverse" 1/keep (unbiased for one branch), "sqrt"
/// 1/sqrt(keep) (keeps a branch's second moment).
inline double kept_factor(const std::string& scaling, double keep) {
  if (scaling == "inverse") return 1 / keep;
  if (scaling == "sqrt") return 1 / std::sqrt(keep);
  return 1;
}

/// Bypasses layer i with probability 1 - keep[i], independently of other layers and steps, and scales the branches of
/// those that run. A pure function of (run seed, plugin, step); all micro-batches of a step share the draw. Answers one
/// flag a layer, 1 = runs. REQUIRES: as many probabilities as layers.
inline std::vector<std::uint8_t> draw_layers(Call& call, const Progress& at, const std::vector<double>& keep,
                                             const std::string& scaling, StepShape& shape) {
  const std::vector<double> draws = call.rng().uniform("layers", at.step, keep.size());
  std::vector<std::uint8_t> runs(keep.size(), 0);
  for (std::size_t i = 0; i < keep.size(); ++i) {
    const auto layer = static_cast<std::uint32_t>(i);
    if (draws[i] < keep[i]) {
      runs[i] = 1;
      shape.scale(layer, static_cast<float>(kept_factor(scaling, keep[i])));
    } else {
      shape.bypass(layer);
    }
  }
  return runs;
}

/// For each of `num_rows` rows, which `num_kept` of `num_items` items are kept: every such set equally likely, drawn
/// anew for each step and row. Answers num_rows * num_items flags, row after row; 1 = kept. REQUIRES: num_kept <=
/// num_items.
inline std::vector<std::uint8_t> draw_subsets(Call& call, const Progress& at, const char* purpose, std::size_t num_rows,
                                              std::size_t num_items, std::size_t num_kept) {
  std::vector<std::uint32_t> draws(num_rows * num_items);
  call.rng().fill_u32(purpose, at.step, draws);
  std::vector<std::uint8_t> kept(draws.size(), 0);
  std::vector<std::size_t> order(num_items);
  for (std::size_t row = 0; row < num_rows; ++row) {
    const std::size_t first = row * num_items;
    std::iota(order.begin(), order.end(), first);
    // The index breaks ties, so that the answer does not depend on the library's algorithm.
    std::nth_element(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(num_kept), order.end(),
                     [&](std::size_t a, std::size_t b) { return draws[a] != draws[b] ? draws[a] < draws[b] : a < b; });
    for (std::size_t i = 0; i < num_kept; ++i) kept[order[i]] = 1;
  }
  return kept;
}

}  // namespace espalier::sdk
