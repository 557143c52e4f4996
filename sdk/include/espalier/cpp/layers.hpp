// Growth in depth by copying: which old layer each new layer comes from.
#pragma once

#include <espalier/cpp/plan.hpp>

#include <vector>

namespace espalier::sdk {

/// Where a layer of the larger model comes from.
struct LayerSource {
  std::int32_t old_layer = 0;
  bool is_copy = false;  ///< a duplicate, as opposed to the old layer itself in its new place
};

/// Every layer in its place.
inline std::vector<LayerSource> unchanged_layers(std::int64_t num_layers) {
  std::vector<LayerSource> layers;
  for (std::int64_t i = 0; i < num_layers; ++i) layers.push_back({static_cast<std::int32_t>(i), false});
  return layers;
}

/// Duplicates of layers [begin, end).
inline std::vector<LayerSource> copies_of(std::int64_t begin, std::int64_t end) {
  std::vector<LayerSource> layers;
  for (std::int64_t i = begin; i < end; ++i) layers.push_back({static_cast<std::int32_t>(i), true});
  return layers;
}

/// Where a parameter of the larger model comes from; old_layer is -1 outside the blocks.
inline LayerSource source_of(const std::vector<LayerSource>& sources, const Param& param) {
  return param.in_block() ? sources[static_cast<std::size_t>(param.layer())] : LayerSource{-1};
}

/// Throws Error where `sources` are not the layers of `to`, or the widths differ.
inline void check_depth_alone(const Arch& from, const Arch& to, const std::vector<LayerSource>& sources) {
  if (!from.dims().same_width(to.dims())) throw invalid("growth in depth cannot change the width");
  if (static_cast<std::int64_t>(sources.size()) != to.num_layers()) {
    throw invalid("this strategy gives ", sources.size(), " layers, the larger model has ", to.num_layers());
  }
}

/// Assigns every parameter of `to`: layer i from sources[i], all else unchanged. Layers that are not copies keep their
/// moments; copies get `moments_of_copies`. Throws Error where the widths differ or the counts do not fit.
inline void assign_layers(const Plan& plan, const Arch& from, const Arch& to, const std::vector<LayerSource>& sources,
                          Moments moments_of_copies) {
  check_depth_alone(from, to, sources);
  for (const Param& param : to.params()) {
    const LayerSource source = source_of(sources, param);
    plan.assign(param, plan.src(from.find_like(param, source.old_layer)),
                source.is_copy ? moments_of_copies : Moments::kMap);
  }
}

}  // namespace espalier::sdk
