// Growth plugins driven over toy models: stage shapes, and where each layer of a larger model comes from.
#pragma once

#include <string>
#include <vector>

#include "sdk/fake_plan.h"
#include "sdk/loaded_plugin.h"

namespace espalier::sdk_test {

/// Layers at each stage on the way to `final_layers`.
inline std::vector<std::int64_t> stage_layers(const Object& growth, std::int64_t final_layers) {
  const auto& table = growth.table<esp_growth>();
  const esp_dims final_dims = toy_dims(final_layers);
  std::uint32_t num_stages = 0;
  call_ok(table.num_stages, growth.self(), &final_dims, &num_stages);
  std::vector<std::int64_t> layers;
  for (std::uint32_t stage = 0; stage < num_stages; ++stage) {
    esp_dims dims = final_dims;
    call_ok(table.stage_dims, growth.self(), &final_dims, stage, &dims);
    layers.push_back(dims.num_layers);
  }
  return layers;
}

/// What one growth made of every layer.
struct GrownLayers {
  std::vector<double> labels;          // the label of the layer it was copied from
  std::vector<std::uint32_t> moments;  // ESP_MOMENTS_*
};

/// Plans the step from a model whose layers carry `labels` to one with `to_layers` layers. Throws where the plan leaves
/// a parameter out, mixes layers within one, or changes a parameter outside the blocks.
inline GrownLayers grow(const Object& growth, const std::vector<double>& labels, std::int64_t to_layers) {
  ToyModel from(static_cast<std::int64_t>(labels.size()));
  from.label_layers(labels);
  const ToyModel to(to_layers);
  FakePlan plan(from);
  call_ok(growth.table<esp_growth>().plan, growth.self(), from.raw(), to.raw(), plan.raw());
  if (plan.assignments().size() != to.num_params()) throw std::logic_error("not every parameter was assigned");
  GrownLayers out;
  out.labels.assign(static_cast<std::size_t>(to_layers), -2);
  out.moments.assign(static_cast<std::size_t>(to_layers), 99);
  for (const esp_param_info& info : to.infos()) {
    const std::string name(info.name.data, info.name.size);
    const double label = plan.marker(name);
    const std::uint32_t moments = plan.assignments().at(name).moments;
    if (info.layer < 0) {
      if (label != -1 || moments != ESP_MOMENTS_MAP) throw std::logic_error(name + " was changed");
      continue;
    }
    const auto layer = static_cast<std::size_t>(info.layer);
    if (out.labels[layer] == -2) {
      out.labels[layer] = label;
      out.moments[layer] = moments;
    }
    if (out.labels[layer] != label || out.moments[layer] != moments)
      throw std::logic_error(name + " has another origin");
  }
  return out;
}

}  // namespace espalier::sdk_test
