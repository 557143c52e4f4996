#include "core/model/layer_width.h"

#include <algorithm>
#include <span>

namespace espalier {
namespace {

std::span<const float> row(const std::vector<float>& gates, size_t layer, int64_t width) {
  if (gates.empty()) return {};
  return std::span(gates).subspan(layer * static_cast<size_t>(width), static_cast<size_t>(width));
}

// `parts` groups of equal size over the gates.
GatedAxis gated_axis(std::span<const float> gates, int64_t parts) {
  GatedAxis axis;
  axis.count = parts;
  if (gates.empty()) return axis;
  const size_t size = gates.size() / static_cast<size_t>(parts);
  for (int64_t part = 0; part < parts; ++part) {
    const auto group = gates.subspan(static_cast<size_t>(part) * size, size);
    if (std::all_of(group.begin(), group.end(), [](float gate) { return gate == 0; })) continue;
    axis.kept.push_back(part);
    axis.factors.insert(axis.factors.end(), group.begin(), group.end());
  }
  axis.count = static_cast<int64_t>(axis.kept.size());
  if (axis.count == parts) axis.kept.clear();
  if (std::all_of(axis.factors.begin(), axis.factors.end(), [](float gate) { return gate == 1; })) axis.factors.clear();
  return axis;
}

}  // namespace

LayerWidth layer_width(const ModelSpec& spec, const StepShape& shape, size_t layer) {
  return {gated_axis(row(shape.head_gate, layer, spec.num_heads), spec.num_kv_heads),
          gated_axis(row(shape.unit_gate, layer, spec.d_ff), spec.d_ff)};
}

}  // namespace espalier
