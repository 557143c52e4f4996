// Autograd of the forward pass against differences of the oracle's loss: entries of every parameter. The test of
// forward_test.cpp differentiates the code under test itself, which a formula wrong in both directions passes.
//
// Tolerances are parts of the largest entry of a parameter's gradient where that is above 1e-2. fp64: 1e-8 at most over
// all cases here, which is the difference's own error; 2e-7 allowed. fp32: 1e-5 at most; 1e-4 allowed.
#include <ATen/ATen.h>

#include <cmath>

#include "catch.h"
#include "core/base/rng.h"
#include "model/oracle_cases.h"

using namespace espalier;

namespace {

constexpr uint64_t kEntries = 3, kDrawn = 60;

// Whether the step trains a parameter that it uses. Gates leave that open: a branch closed by them uses no weight.
bool is_trained(const ParamInfo& info, const StepShape& shape, bool tied) {
  if (info.layer >= 0)
    return shape.run[static_cast<size_t>(info.layer)] != 0 && shape.trainable[static_cast<size_t>(info.layer)] != 0;
  if (info.role == "final_norm") return shape.final_norm_trainable();
  if (info.role == "lm_head") return shape.head_trainable();
  return shape.embed_trainable() || (tied && info.role == "embed" && shape.head_trainable());
}

void compare(const oracle::Case& one, uint64_t number) {
  INFO(oracle::description(one));
  const auto& [name, model, batch, shape] = one;
  const ParamTable wide = oracle::tensors_of(model, at::kDouble), narrow = oracle::tensors_of(model, at::kFloat);
  for (const ParamTable* params : {&wide, &narrow}) {
    require_grad(*params);
    const at::Tensor loss =
        forward_loss(model.spec, *params, oracle::ids(batch.tokens, batch), oracle::ids(batch.targets, batch), shape,
                     params == &wide ? ComputeType::fp64 : ComputeType::fp32, oracle::layout_of(batch));
    if (loss.requires_grad()) loss.backward();
  }
  for (const auto& param : wide) {
    INFO(param.info.name);
    const at::Tensor &grad = param.value.grad(), &grad32 = narrow.at(param.info.name).grad();
    if (shape.head_gate.empty() && shape.unit_gate.empty())
      CHECK(grad.defined() == is_trained(param.info, shape, model.spec.tie_embeddings));
    CHECK(grad.defined() == grad32.defined());
    const auto size = static_cast<uint64_t>(param.info.numel());
    const double scale = grad.defined() ? std::max(1e-2, grad.abs().max().item<double>()) : 1;
    for (uint64_t entry = 0; entry < std::min(kEntries, size); ++entry) {
      const uint64_t index = size <= kEntries ? entry : Rng(number, "entries of " + param.info.name).below(size, entry);
      INFO("entry " << index);
      const double expected = oracle::derivative(model, batch, shape, param.info.name, index);
      const auto at = [&](const at::Tensor& all) {
        return all.defined() ? all.flatten()[static_cast<int64_t>(index)].item<double>() : 0.0;
      };
      CHECK(std::abs(at(grad) - expected) < 2e-7 * scale);
      CHECK(std::abs(at(grad32) - expected) < 1e-4 * scale);
    }
  }
}

}  // namespace

TEST_CASE("the gradient is that of the oracle's loss for every option of a spec", "[model][oracle][gradient]") {
  uint64_t number = 0;
  for (const oracle::Case& one : oracle::table_cases()) compare(one, number++);
}

TEST_CASE("the gradient is that of the oracle's loss for drawn specs, frozen and gated parts among them",
          "[model][oracle][gradient]") {
  for (uint64_t number = 0; number < kDrawn; ++number) compare(oracle::drawn_case(number), number);
}
