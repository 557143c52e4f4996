// Which old layer each layer of a grown model is, read off real weights.
#pragma once

#include <string>
#include <vector>

#include "methods/method.h"

namespace espalier::test {

// "layers.3.attn.q.weight" in layer 1 is "layers.1.attn.q.weight".
inline std::string in_layer(const std::string& name, int64_t layer) {
  return "layers." + std::to_string(layer) + name.substr(name.find('.', 7));
}

// The old layer that layer `layer` of `to` equals in every parameter; -1 where there is none.
inline int64_t origin(const Model& from, const Model& to, int64_t layer) {
  for (int64_t old = 0; old < from.spec.num_layers; ++old) {
    bool equal = true;
    for (const auto& param : to.params)
      if (param.info.layer == layer) equal = equal && param.value.equal(from.params.at(in_layer(param.info.name, old)));
    if (equal) return old;
  }
  return -1;
}

inline std::vector<int64_t> origins(const Model& from, const Model& to) {
  std::vector<int64_t> out;
  for (int64_t layer = 0; layer < to.spec.num_layers; ++layer) out.push_back(origin(from, to, layer));
  return out;
}

// Share of the neighbouring pairs that were neighbours before (Du et al. 2024).
inline double connection_rate(const std::vector<int64_t>& layers) {
  double kept = 0;
  for (size_t i = 1; i < layers.size(); ++i) kept += layers[i] == layers[i - 1] + 1 ? 1 : 0;
  return kept / static_cast<double>(layers.size() - 1);
}

// Layers at each stage on the way to `final_spec`.
inline std::vector<int64_t> stage_layers(growth::Strategy& strategy, const ModelSpec& final_spec) {
  std::vector<int64_t> out;
  for (int64_t stage = 0; stage < strategy.num_stages(final_spec); ++stage)
    out.push_back(strategy.stage_spec(final_spec, stage).num_layers);
  return out;
}

// Are a parameter's moments in `to` those of `old` in `from`, steps included?
inline bool same_moments(const Model& from, const std::string& old, const Model& to, const std::string& name) {
  const auto a = from.state.find(old), b = to.state.find(name);
  if (a == from.state.end() || b == to.state.end()) return false;
  return a->second.exp_avg.equal(b->second.exp_avg) && a->second.exp_avg_sq.equal(b->second.exp_avg_sq) &&
         a->second.step == b->second.step;
}

// Root of the mean square.
inline double rms(const at::Tensor& values) {
  return values.square().mean().sqrt().item<double>();
}

}  // namespace espalier::test
