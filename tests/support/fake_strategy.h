// A growth strategy of a few lines: stages of so many layers, a new layer being a copy of the last old one.
#pragma once

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/growth/strategy.h"

namespace espalier {

class FakeStrategy : public growth::Strategy {
 public:
  std::vector<int64_t> layers;                                                    // of each stage; equal: no growth
  std::function<void(const Progress&, const ModelSpec&, StepShape& shape)> fill;  // empty: every step runs everything
  std::function<void()> planned = [] {};
  int64_t operator_steps = 0;   // learns a factor on each matrix of the new layers for so many steps
  double first_factor = 0.5;    // where that begins
  std::optional<double> claim;  // to preserve the function, within that

  explicit FakeStrategy(std::vector<int64_t> of_stages) : layers(std::move(of_stages)) {}

  int64_t num_stages(const ModelSpec&) override { return static_cast<int64_t>(layers.size()); }
  ModelSpec stage_spec(const ModelSpec& final_spec, int64_t stage) override {
    ModelSpec spec = final_spec;
    spec.num_layers = layers[static_cast<size_t>(stage)];
    return spec;
  }
  growth::Plan plan(const ModelSpec& from, const ModelSpec& to) override {
    planned();
    growth::PlanBuilder plan(from, to);
    for (const auto& info : param_infos(to)) {
      const bool is_new = info.layer >= from.num_layers;
      growth::NodeId value = plan.src(source_of(info, from), 0);
      if (is_new && operator_steps > 0 && info.is_matrix())
        value = plan.wsum(plan.learned("factor." + info.name, plan.data({1}, {first_factor})), {value});
      plan.assign(info.name, value, static_cast<uint32_t>(is_new ? growth::Moments::zero : growth::Moments::map));
    }
    if (operator_steps > 0) {
      growth::Learning learning;
      learning.steps = operator_steps;
      learning.lr = 0.05;
      plan.learn(learning);
    }
    return plan.finish("fake");
  }
  void fill_step_shape(const Progress& progress, const ModelSpec& spec, StepShape& shape) override {
    if (fill) fill(progress, spec, shape);
  }
  bool shapes_steps() const override { return static_cast<bool>(fill); }
  bool claims_preserving() const override { return claim.has_value(); }
  double preserve_tol() const override { return claim.value_or(0); }
  std::string save_state() override { return {}; }
  void load_state(const std::string&) override {}

  // The old parameter that a new one begins as.
  static std::string source_of(const ParamInfo& info, const ModelSpec& from) {
    if (info.layer < 0) return info.name;
    const int64_t layer = std::min<int64_t>(info.layer, from.num_layers - 1);
    return "layers." + std::to_string(layer) + info.name.substr(info.name.find('.', 7));
  }
};

}  // namespace espalier
