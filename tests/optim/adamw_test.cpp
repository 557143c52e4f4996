#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>

#include "catch.h"
#include "core/model/init.h"
#include "core/optim/adamw.h"
#include "support/tiny_model.h"

using namespace espalier;

namespace {

void set_grads(const ParamTable& params, double factor) {
  for (const auto& param : params) param.value.mutable_grad() = (param.value.detach() * factor).add_(0.01);
}

}  // namespace

TEST_CASE("AdamW follows its formula; matrices decay, norms do not", "[optim]") {
  OptimizerConfig config;
  config.weight_decay = 0.5;
  const ParamTable params = init_params(tiny_gpt2(1), 3, 0.2, 1);
  OptimState state;
  struct Reference {
    at::Tensor value, m, v;
  };
  std::map<std::string, Reference> reference;
  for (const auto& param : params) {
    const at::Tensor value = param.value.to(at::kDouble);
    reference[param.info.name] = {value, at::zeros_like(value), at::zeros_like(value)};
  }
  for (int t = 1; t <= 4; ++t) {
    set_grads(params, 0.3 * t);
    for (const auto& param : params) {
      auto& r = reference[param.info.name];
      const at::Tensor g = param.value.grad().to(at::kDouble);
      r.m = config.beta1 * r.m + (1 - config.beta1) * g;
      r.v = config.beta2 * r.v + (1 - config.beta2) * g * g;
      const at::Tensor m_hat = r.m / (1 - std::pow(config.beta1, t)), v_hat = r.v / (1 - std::pow(config.beta2, t));
      const double decay = param.info.is_matrix() ? config.weight_decay : 0.0;
      r.value = r.value * (1 - 0.01 * decay) - 0.01 * m_hat / (v_hat.sqrt() + config.eps);
    }
    adamw_step(config, 0.01, params, state);
  }
  for (const auto& param : params) {
    INFO(param.info.name);
    CHECK(at::allclose(param.value.to(at::kDouble), reference[param.info.name].value, 1e-4, 1e-6));
    CHECK(state.at(param.info.name).step == 4);
  }
}

TEST_CASE("a parameter without a gradient is left alone, decay included", "[optim]") {
  const ParamTable params = init_params(tiny_llama(2), 3, 0.2, 2);
  OptimState state;
  set_grads(params, 1);
  adamw_step({}, 0.1, params, state);
  const ParamTable before = params.transformed([](const Param& p) { return p.value.clone(); });
  const AdamMoments rested = {state["layers.0.mlp.up.weight"].exp_avg.clone(), {}, 1};
  set_grads(params, 1);
  for (const auto& param : params)
    if (param.info.layer == 0) param.value.mutable_grad().reset();
  adamw_step({}, 0.1, params, state);
  for (const auto& param : params) CHECK(param.value.equal(before.at(param.info.name)) == (param.info.layer == 0));
  CHECK(state["layers.0.mlp.up.weight"].exp_avg.equal(rested.exp_avg));
  CHECK(state["layers.0.mlp.up.weight"].step == 1);
  CHECK(state["layers.1.mlp.up.weight"].step == 2);
}

TEST_CASE("clipping scales to the norm and reports the norm before", "[optim]") {
  const ParamTable params = init_params(tiny_llama(1), 3, 0.2, 1);
  set_grads(params, 1);
  double square = 0;
  for (const auto& param : params) square += param.value.grad().square().sum().item<double>();
  const double norm = clip_grad_norm(params, 0.25);
  CHECK(norm == Approx(std::sqrt(square)).epsilon(1e-5));
  CHECK(clip_grad_norm(params, 0) == Approx(0.25).epsilon(1e-4));
  clear_grads(params);
  CHECK(clip_grad_norm(params, 1) == 0.0);
}
