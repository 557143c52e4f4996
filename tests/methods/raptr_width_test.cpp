// RaPTr in width: which hidden units and heads run, how they are scaled, and that the others are not read.
#include <ATen/ATen.h>

#include <limits>

#include "catch.h"
#include "methods/step_shapes.h"
#include "support/tiny_model.h"

using namespace espalier;
using namespace espalier::test;

namespace {

// All layers, half of the hidden units, half of the KV groups (of two heads each).
Settings half_width(const char* scaling = "none") {
  return {{"path_lengths", std::vector<int64_t>{3}},
          {"mlp_fraction", reals({0.5})},
          {"head_fraction", reals({0.5})},
          {"heads_per_group", 2},
          {"width_scaling", scaling}};
}

std::vector<float> row(const std::vector<float>& gates, size_t layer, int64_t width) {
  const auto begin = gates.begin() + static_cast<int64_t>(layer) * width;
  return {begin, begin + width};
}

}  // namespace

TEST_CASE("each layer that runs has exactly its share of units and of whole KV groups", "[methods][raptr]") {
  Settings settings = half_width();
  settings.at("path_lengths") = std::vector<int64_t>{4};
  auto raptr = make_method("raptr", settings);
  const ModelSpec spec = tiny_llama(6);
  for (int64_t step = 0; step < 50; ++step) {
    const StepShape shape = shape_at(*raptr.strategy, spec, at_step(step));
    for (size_t i = 0; i < 6; ++i) {
      const std::vector<float> units = row(shape.unit_gate, i, spec.d_ff), heads = row(shape.head_gate, i, 4);
      const bool runs = shape.run[i] != 0;
      CHECK(std::count(units.begin(), units.end(), 1.0F) == (runs ? 24 : 48));
      CHECK(std::count(units.begin(), units.end(), 0.0F) == (runs ? 24 : 0));
      if (!runs) continue;
      CHECK(heads[0] == heads[1]);
      CHECK(heads[2] == heads[3]);
      CHECK(heads[0] + heads[2] == 1.0F);
    }
    CHECK(shape.stream_gate.empty());
  }
}

TEST_CASE("every unit and group runs equally often, layers draw apart", "[methods][raptr]") {
  constexpr int64_t kSteps = 4000;
  Settings settings = half_width();
  settings.at("mlp_fraction") = reals({0.25});
  auto raptr = make_method("raptr", settings);
  const ModelSpec spec = tiny_llama(3);
  std::vector<double> units(48, 0), pairs(48, 0);
  double group = 0;
  for (int64_t step = 0; step < kSteps; ++step) {
    const StepShape shape = shape_at(*raptr.strategy, spec, at_step(step));
    const std::vector<float> first = row(shape.unit_gate, 0, 48), second = row(shape.unit_gate, 1, 48);
    for (size_t i = 0; i < 48; ++i) units[i] += first[i], pairs[i] += first[i] * second[i];
    group += shape.head_gate[0];
  }
  for (size_t i = 0; i < 48; ++i) {
    CHECK(within_4_sigma(units[i], kSteps, 0.25));
    CHECK(within_4_sigma(pairs[i], kSteps, 0.25 * 0.25));
  }
  CHECK(within_4_sigma(group, kSteps, 0.5));
}

TEST_CASE("parts that run are scaled by their own rule", "[methods][raptr]") {
  const ModelSpec spec = tiny_llama(3);
  for (const auto& [scaling, factor] : {std::pair{"none", 1.0}, {"inverse", 2.0}, {"sqrt", std::sqrt(2.0)}}) {
    auto raptr = make_method("raptr", half_width(scaling));
    const StepShape shape = shape_at(*raptr.strategy, spec, at_step(3));
    REQUIRE(shape.unit_gate.size() == 3 * 48);
    for (const float gate : shape.unit_gate) CHECK((gate == 0.0F || gate == Approx(factor)));
    for (const float gate : shape.head_gate) CHECK((gate == 0.0F || gate == Approx(factor)));
  }
}

TEST_CASE("the whole width leaves the step alone, and at least one part always runs", "[methods][raptr]") {
  const ModelSpec spec = tiny_llama(3);
  Settings settings = half_width("inverse");
  settings.at("mlp_fraction") = settings.at("head_fraction") = reals({1.0});
  auto whole = make_method("raptr", settings);
  CHECK(shape_at(*whole.strategy, spec, at_step(3)) == everything(spec));
  settings.at("mlp_fraction") = settings.at("head_fraction") = reals({0.001});
  auto sliver = make_method("raptr", settings);
  const StepShape shape = shape_at(*sliver.strategy, spec, at_step(3));
  CHECK(std::count(shape.unit_gate.begin(), shape.unit_gate.end(), 48.0F) == 3);
  CHECK(std::count(shape.head_gate.begin(), shape.head_gate.end(), 2.0F) == 6);
}

TEST_CASE("units and heads that are left out are not read, and their gradient is zero", "[methods][raptr]") {
  const ModelSpec spec = tiny_llama(3);
  auto raptr = make_method("raptr", half_width("sqrt"));
  const StepShape shape = shape_at(*raptr.strategy, spec, at_step(1));
  const Model model = random_model(spec, 1);
  // 1 where a parameter belongs to a part that is left out; empty for parameters outside these axes.
  const auto left_out = [&](const Param& param) {
    at::Tensor mask = at::zeros_like(param.value);
    const auto& info = param.info;
    for (size_t dim = 0; dim < info.axes.size() && info.layer >= 0; ++dim) {
      const std::string& axis = info.axes[dim];
      for (int64_t i = 0; i < info.shape[dim]; ++i) {
        const auto layer = static_cast<size_t>(info.layer);
        bool out = false;
        if (axis == "d_ff") out = shape.unit_gate[layer * 48 + static_cast<size_t>(i)] == 0;
        if (axis == "q") out = shape.head_gate[layer * 4 + static_cast<size_t>(i / 8)] == 0;
        if (axis == "kv") out = shape.head_gate[layer * 4 + static_cast<size_t>(i / 8) * 2] == 0;
        if (out) mask.select(static_cast<int64_t>(dim), i).fill_(1);
      }
    }
    return mask.to(at::kBool);
  };
  Model broken = model;
  broken.params = model.params.transformed([&](const Param& param) {
    return param.value.masked_fill(left_out(param), std::numeric_limits<double>::quiet_NaN());
  });
  const at::Tensor tokens = random_tokens(spec, 2, 5);
  CHECK(logits(broken, tokens, shape).equal(logits(model, tokens, shape)));
  CHECK(max_diff(logits(model, tokens, shape), logits(model, tokens)) > 1e-3);
  const auto grads = gradients(model, tokens, shape);
  int64_t parts = 0;
  for (const auto& param : model.params) {
    const at::Tensor outside = grads.at(param.info.name).masked_select(left_out(param));
    CHECK(outside.eq(0).all().item<bool>());
    parts += outside.numel();
  }
  CHECK(parts > 0);
}
