// AdamW and clipping against torch.optim.AdamW and torch.nn.utils.clip_grad_norm_ of PyTorch's Python
// (model/golden/make_golden.py). fp64 to 1e-11: the file holds 13 digits. fp32 to 8 times PyTorch's own distance from
// float64 after the same ten steps, some 1.3e-7.
#include <ATen/ATen.h>

#include <cmath>

#include "catch.h"
#include "core/optim/adamw.h"
#include "model/golden/golden.h"

using namespace espalier;
using nlohmann::json;

namespace {

// TENSORS of make_golden.py.
const std::map<std::string, std::vector<int64_t>> kShapes{
    {"matrix", {2, 3}}, {"vector", {4}}, {"resting.matrix", {2, 2}}};

std::map<std::string, at::Tensor> tensors(at::ScalarType type) {
  std::map<std::string, at::Tensor> out;
  for (const auto& [name, shape] : kShapes) out[name] = golden::formula(name, shape, 2).to(at::kFloat).to(type);
  return out;
}

// Of each step its own; "resting" has none on every third.
void set_grads(const std::map<std::string, at::Tensor>& params, int step) {
  for (const auto& [name, value] : params) {
    const bool resting = name.starts_with("resting") && step % 3 == 0;
    const at::Tensor grad = golden::formula(name + " at " + std::to_string(step), kShapes.at(name), step % 4 + 1);
    value.mutable_grad() = resting ? at::Tensor() : grad.to(at::kFloat).to(value.scalar_type());
  }
}

void compare_run(const json& row, bool wide) {
  OptimizerConfig config;
  config.lr = 1e9;  // unused: the step's own comes from the schedule
  config.beta1 = row["beta1"];
  config.beta2 = row["beta2"];
  config.eps = row["eps"];
  config.weight_decay = row["weight_decay"];
  const auto params = tensors(wide ? at::kDouble : at::kFloat);
  const double max_norm = row["max_norm"], tolerance = wide ? 1e-11 : 8 * double(row["float32"]);
  OptimState state;
  size_t compared = 0;
  for (int step = 1; step <= 10; ++step) {
    set_grads(params, step);
    if (max_norm > 0) {
      const double norm = row["norms"].at(static_cast<size_t>(step - 1));
      CHECK(std::abs(clip_grad_norm(params, max_norm) - norm) < (wide ? 1e-11 : 1e-6));
    }
    adamw_step(config, double(row["lr"]) * (1 - step / 20.0), params, state);
    const auto kept = row["steps"].find(std::to_string(step));
    if (kept == row["steps"].end()) continue;
    for (const auto& [name, value] : params) {
      INFO(name << " after step " << step);
      CHECK(golden::max_diff(value, golden::tensor(kept->at(name))) < tolerance);
      ++compared;
    }
  }
  CHECK(compared == 4 * kShapes.size());
  CHECK(state.at("resting.matrix").step == 7);
}

}  // namespace

TEST_CASE("parameters after 1, 2, 5 and 10 steps are those of torch.optim.AdamW", "[optim][golden]") {
  REQUIRE(golden::values()["adamw"].size() == 8);
  for (const auto& [name, row] : golden::values()["adamw"].items())
    for (const bool wide : {true, false}) {
      INFO(name << (wide ? " in fp64" : " in fp32"));
      compare_run(row, wide);
    }
}

TEST_CASE("clipping is that of torch.nn.utils.clip_grad_norm_", "[optim][golden]") {
  REQUIRE(golden::values()["clip"].size() == 5);
  for (const json& row : golden::values()["clip"]) {
    const double max_norm = row["max_norm"];
    INFO("max_norm " << max_norm);
    for (const bool wide : {true, false}) {
      const at::ScalarType type = wide ? at::kDouble : at::kFloat;
      const double tolerance = wide ? 1e-11 : 1e-6;
      const auto params = tensors(type);
      for (const auto& [name, value] : params)
        value.mutable_grad() = golden::formula(name, kShapes.at(name), 2).to(type);
      CHECK(std::abs(clip_grad_norm(params, max_norm) - double(row["norm"])) < tolerance);
      for (const auto& [name, value] : params)
        CHECK(golden::max_diff(value.grad(), golden::tensor(row["gradients"][name])) < tolerance);
    }
  }
}
