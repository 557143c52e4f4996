#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <limits>
#include <numbers>

#include "catch.h"
#include "core/model/attention.h"
#include "core/model/forward.h"
#include "core/model/init.h"
#include "core/model/pointwise.h"
#include "support/tiny_model.h"

using namespace espalier;

namespace {

ModelSpec llama(int64_t layers = 3) {
  return tiny_llama(layers);
}
ModelSpec gpt2() {
  return tiny_gpt2(3);
}

at::Tensor tokens_of(const ModelSpec& spec, int64_t batch = 2) {
  at::Tensor out = at::arange(batch * spec.seq_len, at::kLong);
  return (out * out + 3 * out).remainder(spec.vocab_size).view({batch, spec.seq_len});
}

double loss_of(const ModelSpec& spec, const ParamTable& params, const StepShape& shape,
               ComputeType compute = ComputeType::fp32) {
  const at::Tensor tokens = tokens_of(spec);
  return forward_loss(spec, params, tokens, tokens.roll(-1, 1), shape, compute).item<double>();
}

ParamTable big_init(const ModelSpec& spec) {
  return init_params(spec, 7, 0.2, spec.num_layers);
}

}  // namespace

TEST_CASE("explicit causal attention agrees with ATen's, values and gradients", "[model][attention]") {
  for (const int64_t kv_heads : {4, 2, 1}) {
    const auto options = at::TensorOptions().dtype(at::kDouble);
    at::Tensor q = at::randn({2, 9, 4, 6}, options).requires_grad_(),
               k = at::randn({2, 9, kv_heads, 6}, options).requires_grad_(),
               v = at::randn({2, 9, kv_heads, 6}, options).requires_grad_();
    const at::Tensor weight = at::randn({2, 9, 4, 6}, options);
    (causal_attention(q, k, v) * weight).sum().backward();
    const at::Tensor out = causal_attention(q, k, v).detach(), gq = q.grad().clone(), gk = k.grad().clone(),
                     gv = v.grad().clone();
    for (auto* t : {&q, &k, &v}) t->mutable_grad().reset();
    const at::Tensor reference =
        at::scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), {}, 0.0, true,
                                         std::nullopt, kv_heads != 4)
            .transpose(1, 2);
    (reference * weight).sum().backward();
    CHECK(at::allclose(out, reference.detach(), 1e-10, 1e-10));
    CHECK(at::allclose(gq, q.grad(), 1e-9, 1e-9));
    CHECK(at::allclose(gk, k.grad(), 1e-9, 1e-9));
    CHECK(at::allclose(gv, v.grad(), 1e-9, 1e-9));
  }
}

TEST_CASE("fused element-wise parts agree with their formulas, values and gradients", "[model][pointwise]") {
  const at::Tensor x = at::randn({5, 7, 24}).requires_grad_(), y = at::randn({5, 7, 24}).requires_grad_();
  const at::Tensor gain = at::rand({24}).add_(0.5).requires_grad_(), weight = at::randn({5, 7, 24});
  const auto grads = [&](const at::Tensor& out) {
    for (const auto* t : {&x, &y, &gain}) t->mutable_grad().reset();
    (out * weight).sum().backward();
    std::vector<at::Tensor> all;
    for (const auto* t : {&x, &y, &gain}) all.push_back(t->grad().defined() ? t->grad().clone() : at::zeros({1}));
    return all;
  };
  const auto same = [&](const at::Tensor& a, const at::Tensor& b) {
    CHECK(at::allclose(a, b, 1e-5, 1e-6));
    const auto ga = grads(a), gb = grads(b);
    for (size_t i = 0; i < ga.size(); ++i) CHECK(at::allclose(ga[i], gb[i], 1e-4, 1e-5));
  };
  same(rms_norm(x, gain, 1e-5), x * at::rsqrt(x.square().mean(-1, true) + 1e-5) * gain);
  same(activate(Activation::swiglu, x) * y, x * at::sigmoid(x) * y);

  const at::Tensor logits = at::randn({11, 19}).mul_(4).requires_grad_(), targets = at::randint(19, {11}, at::kLong);
  const at::Tensor loss = cross_entropy(logits, targets);
  loss.backward();
  const at::Tensor grad = logits.grad().clone();
  logits.mutable_grad().reset();
  const at::Tensor reference = at::cross_entropy_loss(logits, targets);
  reference.backward();
  CHECK(loss.item<double>() == Approx(reference.item<double>()).epsilon(1e-6));
  CHECK(at::allclose(grad, logits.grad(), 1e-5, 1e-7));
}

TEST_CASE("rotary positions depend on distance only and keep norms", "[model][rope]") {
  const Rope rope = make_rope(32, 8, 10000, at::kFloat, at::kCPU);
  const at::Tensor q = at::randn({8}).view({1, 1, 1, 8}).expand({1, 32, 1, 8}),
                   k = at::randn({8}).view({1, 1, 1, 8}).expand({1, 32, 1, 8});
  const at::Tensor rq = rotate(q, rope)[0].squeeze(1), rk = rotate(k, rope)[0].squeeze(1);  // [T, C]
  const at::Tensor scores = rq.matmul(rk.t());
  CHECK(scores[5][3].item<double>() == Approx(scores[25][23].item<double>()).epsilon(1e-4));
  CHECK(scores[9][2].item<double>() == Approx(scores[20][13].item<double>()).epsilon(1e-4));
  CHECK(at::allclose(rq.norm(2, {-1}), q[0].squeeze(1).norm(2, {-1}), 1e-5, 1e-6));
}

TEST_CASE("scaled rotary frequencies are those of transformers", "[model][rope]") {
  // By hand: 32 dimensions, base 10000, so wavelengths from 2 pi to 2 pi 10000^(15/16).
  const auto angles = [](const RopeScaling& scaling) {
    const Rope rope = make_rope(2, 32, 10000, at::kDouble, at::kCPU, scaling);
    return at::atan2(rope.sin[1], rope.cos[1]);  // of position 1: the frequencies, all below pi
  };
  const at::Tensor plain = angles({});
  CHECK(at::allclose(angles({RopeScaling::Type::linear, 4, 1, 4, 1}), plain / 4, 1e-12, 1e-12));
  const at::Tensor scaled = angles({RopeScaling::Type::llama3, 8, 1, 4, 64});
  for (int64_t i = 0; i < 16; ++i) {
    const double frequency = plain[i].item<double>(), wavelength = 2 * std::numbers::pi / frequency;
    double expected = frequency;
    if (wavelength > 64.0 / 1) {
      expected = frequency / 8;
    } else if (wavelength >= 64.0 / 4) {
      const double smooth = (64 / wavelength - 1) / (4 - 1);
      expected = (1 - smooth) * frequency / 8 + smooth * frequency;
    }
    CAPTURE(i, wavelength);
    CHECK(scaled[i].item<double>() == Approx(expected).epsilon(1e-12));
  }
  CHECK(scaled[1].item<double>() == plain[1].item<double>());
  CHECK(scaled[15].item<double>() == Approx(plain[15].item<double>() / 8).epsilon(1e-12));
}

TEST_CASE("each activation is its formula, with a gate where it has one", "[model][pointwise]") {
  const at::Tensor x = at::linspace(-3, 3, 25, at::kDouble);
  const at::Tensor erf = 0.5 * x * (1 + at::erf(x / std::sqrt(2.0)));
  const at::Tensor tanh = 0.5 * x * (1 + at::tanh(std::sqrt(2 / std::numbers::pi) * (x + 0.044715 * x.pow(3))));
  const auto is = [&](Activation activation, const at::Tensor& expected, bool gated) {
    CHECK(at::allclose(activate(activation, x), expected, 1e-12, 1e-12));
    ModelSpec spec = llama();
    spec.activation = activation;
    CHECK(spec.gated() == gated);
  };
  is(Activation::silu, x * at::sigmoid(x), false);
  is(Activation::swiglu, x * at::sigmoid(x), true);
  is(Activation::gelu, tanh, false);
  is(Activation::geglu, tanh, true);
  is(Activation::gelu_erf, erf, false);
  is(Activation::geglu_erf, erf, true);
  is(Activation::relu, at::relu(x), false);
  is(Activation::reglu, at::relu(x), true);
  is(Activation::relu2, at::relu(x).square(), false);
}

TEST_CASE("a token never sees the future", "[model]") {
  for (const ModelSpec& spec : {llama(), gpt2()}) {
    const ParamTable params = big_init(spec);
    const StepShape all = StepShape::everything(spec.num_layers);
    at::Tensor tokens = tokens_of(spec, 1), changed = tokens.clone();
    changed[0][10] = (changed[0][10].item<int64_t>() + 1) % spec.vocab_size;
    const at::Tensor a = forward_logits(spec, params, tokens, all, ComputeType::fp32),
                     b = forward_logits(spec, params, changed, all, ComputeType::fp32);
    CHECK(at::allclose(a.narrow(1, 0, 10), b.narrow(1, 0, 10), 1e-5, 1e-6));
    CHECK_FALSE(at::allclose(a.narrow(1, 10, 1), b.narrow(1, 10, 1), 1e-3, 1e-3));
  }
}

TEST_CASE("a bypassed layer is never touched and costs no gradient", "[model][step_shape]") {
  const ModelSpec spec = llama(3), shorter = llama(2);
  ParamTable params = big_init(spec);
  StepShape shape = StepShape::everything(3);
  shape.run[1] = 0;
  for (const auto& param : params)
    if (param.info.layer == 1) param.value.fill_(std::numeric_limits<float>::quiet_NaN());
  require_grad(params);
  const at::Tensor tokens = tokens_of(spec);
  const at::Tensor loss = forward_loss(spec, params, tokens, tokens.roll(-1, 1), shape, ComputeType::fp32);
  loss.backward();
  REQUIRE(std::isfinite(loss.item<double>()));
  for (const auto& param : params) CHECK(param.value.grad().defined() == (param.info.layer != 1));
  // The same as a model without that layer.
  const ParamTable small(shorter, [&](const ParamInfo& info) {
    std::string name = info.name;
    if (info.layer == 1) name.replace(0, 9, "layers.2.");
    return params.at(name).detach();
  });
  CHECK(loss_of(shorter, small, StepShape::everything(2)) == loss.item<double>());
}

TEST_CASE("a frozen prefix records no graph and gets no gradient", "[model][step_shape]") {
  const ModelSpec spec = llama(3);
  const ParamTable params = big_init(spec);
  require_grad(params);
  StepShape shape = StepShape::everything(3);
  shape.trainable = {0, 0, 1, 0, 1, 0};  // layer 2 and the final norm
  CHECK_FALSE(
      forward_hidden(llama(3), params, tokens_of(spec), {{1, 1, 0}, {1, 1, 1}, {0, 0, 0, 0, 0, 0}}, ComputeType::fp32)
          .requires_grad());
  const at::Tensor tokens = tokens_of(spec);
  forward_loss(spec, params, tokens, tokens.roll(-1, 1), shape, ComputeType::fp32).backward();
  for (const auto& param : params)
    CHECK(param.value.grad().defined() == (param.info.layer == 2 || param.info.role == "final_norm"));
}

TEST_CASE("the residual scale multiplies the branches", "[model][step_shape]") {
  const ModelSpec spec = llama(2);
  const ParamTable params = big_init(spec);
  StepShape zero = StepShape::everything(2), skip = zero;
  zero.scale = {0.0F, 1.0F};
  skip.run = {0, 1};
  CHECK(loss_of(spec, params, zero) == Approx(loss_of(spec, params, skip)).epsilon(1e-6));
  zero.scale = {0.5F, 1.0F};
  CHECK(loss_of(spec, params, zero) != Approx(loss_of(spec, params, skip)).epsilon(1e-6));
}

TEST_CASE("bf16 compute follows fp32 and gives fp32 gradients", "[model][bf16]") {
  for (const ModelSpec& spec : {llama(), gpt2()}) {
    const ParamTable params = big_init(spec);
    const StepShape all = StepShape::everything(spec.num_layers);
    CHECK(loss_of(spec, params, all, ComputeType::bf16) == Approx(loss_of(spec, params, all)).epsilon(0.02));
    require_grad(params);
    const at::Tensor tokens = tokens_of(spec);
    forward_loss(spec, params, tokens, tokens.roll(-1, 1), all, ComputeType::bf16).backward();
    for (const auto& param : params) {
      REQUIRE(param.value.grad().defined());
      CHECK(param.value.grad().scalar_type() == at::kFloat);
    }
  }
}

TEST_CASE("the whole gradient agrees with finite differences", "[model]") {
  for (const ModelSpec& base : {llama(2), gpt2()}) {
    ModelSpec spec = base;
    spec.tie_embeddings = false;
    const ParamTable params = big_init(spec);
    require_grad(params);
    const StepShape all = StepShape::everything(spec.num_layers);
    const at::Tensor tokens = tokens_of(spec);
    forward_loss(spec, params, tokens, tokens.roll(-1, 1), all, ComputeType::fp32).backward();
    const c10::NoGradGuard no_grad;
    for (const auto& param : params) {  // along the gradient's own direction, one parameter at a time
      const at::Tensor grad = param.value.grad();
      const double norm = grad.norm().item<double>();
      if (norm < 1e-3) continue;
      const double h = 3e-3;
      param.value.add_(grad, h / norm);
      const double up = loss_of(spec, params, all);
      param.value.add_(grad, -2 * h / norm);
      const double down = loss_of(spec, params, all);
      param.value.add_(grad, h / norm);
      INFO(param.info.name);
      CHECK((up - down) / (2 * h) == Approx(norm).epsilon(0.05).margin(2e-3));
    }
  }
}
