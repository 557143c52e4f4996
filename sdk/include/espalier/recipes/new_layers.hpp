// Growth in depth by new layers among the old ones, which keep their order: where they go and how they start.
#pragma once

#include <espalier/cpp/layers.hpp>
#include <espalier/cpp/roles.hpp>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace espalier::sdk {

/// What `position` of insert_layers() may be.
inline std::vector<std::string> insert_positions() {
  return {"top", "bottom", "middle", "interleaved"};
}

/// Places `num_new` layers among `num_old` (at least 1), which keep their order. `position`: "top", "bottom", "middle"
/// (after layer ceil(num_old / 2), counted from 1) or "interleaved" (new layer j of k after old layer ceil(j n / k)).
/// New layers have is_copy set and name the old layer that a copy takes: n of them side by side repeat the n layers
/// below them, in order, or the first n where none are below.
inline std::vector<LayerSource> insert_layers(std::int64_t num_old, std::int64_t num_new, const std::string& position) {
  std::vector<std::int64_t> num_new_above(static_cast<std::size_t>(num_old) + 1, 0);  // by number of old layers below
  const auto add = [&](std::int64_t below, std::int64_t count) {
    num_new_above[static_cast<std::size_t>(below)] += count;
  };
  if (position == "top") {
    add(num_old, num_new);
  } else if (position == "bottom") {
    add(0, num_new);
  } else if (position == "middle") {
    add((num_old + 1) / 2, num_new);
  } else if (position == "interleaved") {
    for (std::int64_t j = 1; j <= num_new; ++j) add((j * num_old + num_new - 1) / num_new, 1);
  } else {
    throw invalid("no position '", position, "' for new layers");
  }
  std::vector<LayerSource> layers;
  for (std::int64_t below = 0; below <= num_old; ++below) {
    const std::int64_t count = num_new_above[static_cast<std::size_t>(below)];
    const std::int64_t block = std::min(count, below > 0 ? below : num_old);
    const std::int64_t first = below > 0 ? below - block : 0;
    for (std::int64_t i = 0; i < count; ++i) layers.push_back({static_cast<std::int32_t>(first + i % block), true});
    if (below < num_old) layers.push_back({static_cast<std::int32_t>(below), false});
  }
  return layers;
}

/// A parameter as a fresh model has it: matrices N(0, std^2), those that write to the residual stream with
/// std / sqrt(2 depth); gains 1, biases 0.
inline Expr fresh_value(const Plan& plan, const Param& param, double std, std::int64_t depth) {
  if (param.leaf() == "bias") return plan.full(param.shape(), 0);
  if (param.shape().size() < 2) return plan.full(param.shape(), 1);
  const double residual = writes_residual(param) ? 1 / std::sqrt(2 * static_cast<double>(depth)) : 1;
  return plan.normal(param.shape(), std * residual, param.name());
}

/// How new layers start, and what becomes of the optimizer's moments.
struct NewLayers {
  std::string init = "random";  ///< "random", "copy" or "zero-output": random, but nothing reaches the residual stream
  double std = 0.02;            ///< of "random" and "zero-output"
  Moments moments_of_old = Moments::kMap;
  Moments moments_of_copies = Moments::kZero;
};

/// Assigns every parameter of `to`: the layers as `sources` says, all else unchanged. With "zero-output" the plan
/// claims bit-equal logits. Throws Error where the widths differ or the counts do not fit.
inline void assign_with_new_layers(const Plan& plan, const Arch& from, const Arch& to,
                                   const std::vector<LayerSource>& sources, const NewLayers& policy) {
  check_depth_alone(from, to, sources);
  for (const Param& param : to.params()) {
    const LayerSource source = source_of(sources, param);
    if (source.is_copy && policy.init == "zero-output" && writes_residual(param)) {
      plan.assign(param, plan.full(param.shape(), 0), Moments::kZero);
    } else if (source.is_copy && policy.init != "copy") {
      plan.assign(param, fresh_value(plan, param, policy.std, to.num_layers()), Moments::kZero);
    } else {
      plan.assign(param, plan.src(from.find_like(param, source.old_layer)),
                  source.is_copy ? policy.moments_of_copies : policy.moments_of_old);
    }
  }
  if (policy.init == "zero-output") plan.expect_preserving(0);
}

}  // namespace espalier::sdk
