#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include "catch.h"
#include "core/model/attention.h"
#include "core/model/forward.h"
#include "core/model/init.h"
#include "core/model/pointwise.h"
#include "support/tiny_model.h"

using namespace espalier;

namespace {

constexpr int64_t kEos = 0, kSeq = 16;

ParamTable params_of(const ModelSpec& spec, ComputeType compute) {
  const ParamTable params = init_params(spec, 7, 0.2, spec.num_layers);
  if (compute != ComputeType::fp64) return params;
  return params.transformed([](const Param& param) { return param.value.to(at::kDouble); });
}

// Two rows of documents, each led by an end-of-text token; the last document of a row has no room for its own end.
const std::vector<std::vector<int64_t>> kLengths{{5, 4, 7}, {1, 9, 2, 4}};

struct Packed {
  at::Tensor tokens, targets;
  RowLayout layout;
};

Packed packed_rows(const ModelSpec& spec, bool restart) {
  std::vector<int64_t> all;
  for (const auto& row : kLengths) {
    for (const int64_t length : row) {
      all.push_back(kEos);
      for (int64_t i = 1; i < length; ++i)
        all.push_back(1 + static_cast<int64_t>(all.size() * all.size() + 5 * all.size()) % (spec.vocab_size - 1));
    }
    all.push_back(kEos);
  }
  const at::Tensor rows = at::tensor(all, at::kLong).view({2, kSeq + 1});
  const at::Tensor tokens = rows.narrow(1, 0, kSeq);
  return {tokens, rows.narrow(1, 1, kSeq), {tokens.eq(kEos).cumsum(1), restart, false}};
}

double tolerance(ComputeType compute) {
  return compute == ComputeType::fp64 ? 1e-12 : compute == ComputeType::fp32 ? 2e-6 : 3e-2;
}

}  // namespace

TEST_CASE("a packed row's loss is the token-weighted loss of its documents alone", "[model][documents]") {
  for (const ComputeType compute : {ComputeType::fp64, ComputeType::fp32, ComputeType::bf16})
    for (const bool learned : {false, true}) {
      const ModelSpec spec = learned ? tiny_gpt2(2) : tiny_llama(2);
      const ParamTable params = params_of(spec, compute);
      const StepShape all = StepShape::everything(2);
      // Learned positions must restart; rotary ones see distances only.
      const Packed rows = packed_rows(spec, learned);
      double sum = 0;
      for (int64_t b = 0; b < 2; ++b) {
        int64_t at = 0;
        for (const int64_t length : kLengths[static_cast<size_t>(b)]) {
          const auto part = [&](const at::Tensor& t) { return t.narrow(0, b, 1).narrow(1, at, length); };
          sum += forward_loss(spec, params, part(rows.tokens), part(rows.targets), all, compute).item<double>() *
                 static_cast<double>(length);
          at += length;
        }
      }
      const double together =
          forward_loss(spec, params, rows.tokens, rows.targets, all, compute, rows.layout).item<double>();
      CHECK(std::abs(together - sum / (2 * kSeq)) < tolerance(compute) * together);
      const double unmasked = forward_loss(spec, params, rows.tokens, rows.targets, all, compute).item<double>();
      CHECK(std::abs(unmasked - together) > 1e-3);
    }
}

TEST_CASE("a token of one document changes nothing in another's logits, whatever runs", "[model][documents]") {
  const c10::NoGradGuard no_grad;
  for (const bool learned : {false, true})
    for (const bool restart : {false, true}) {
      const ModelSpec spec = learned ? tiny_gpt2(3) : tiny_llama(3);
      const ParamTable params = params_of(spec, ComputeType::fp32);
      const Packed rows = packed_rows(spec, restart);
      at::Tensor changed = rows.tokens.clone();
      changed[0][2] = (changed[0][2] + 1) % (spec.vocab_size - 1) + 1;  // in the first document of row 0
      StepShape some = StepShape::everything(3);
      some.run[1] = 0;
      some.trainable.assign(some.trainable.size(), 0);
      some.head_gate.assign(12, 1);
      some.head_gate[0] = some.head_gate[1] = 0;
      some.unit_gate.assign(3 * 48, 0.5F);
      some.stream_gate.assign(32, 1);
      some.stream_gate[31] = 0;
      for (const StepShape& shape : {StepShape::everything(3), some})
        for (const ComputeType compute : {ComputeType::fp32, ComputeType::bf16}) {
          const at::Tensor a = forward_logits(spec, params, rows.tokens, shape, compute, rows.layout),
                           b = forward_logits(spec, params, changed, shape, compute, rows.layout);
          CHECK(a[0].narrow(0, 5, 11).equal(b[0].narrow(0, 5, 11)));
          CHECK(a[1].equal(b[1]));
          CHECK_FALSE(a[0].narrow(0, 2, 3).equal(b[0].narrow(0, 2, 3)));
          CHECK(a[0].narrow(0, 0, 2).equal(b[0].narrow(0, 0, 2)));  // and nothing before it: still causal
        }
    }
}

TEST_CASE("masked attention agrees with ATen's under the same mask, values and gradients", "[model][attention]") {
  for (const int64_t kv_heads : {4, 2, 1}) {
    const auto options = at::TensorOptions().dtype(at::kDouble);
    at::Tensor q = at::randn({2, 9, 4, 6}, options).requires_grad_(),
               k = at::randn({2, 9, kv_heads, 6}, options).requires_grad_(),
               v = at::randn({2, 9, kv_heads, 6}, options).requires_grad_();
    const at::Tensor segments =
        at::tensor({0, 0, 0, 1, 1, 2, 2, 2, 2, 0, 1, 1, 1, 1, 1, 1, 2, 3}, at::kLong).view({2, 9});
    const at::Tensor mask = segments.unsqueeze(2).eq(segments.unsqueeze(1)).tril_().unsqueeze(1);
    const at::Tensor weight = at::randn({2, 9, 4, 6}, options);
    const at::Tensor ours = causal_attention(q, k, v, mask);
    (ours * weight).sum().backward();
    const at::Tensor gq = q.grad().clone(), gk = k.grad().clone(), gv = v.grad().clone();
    for (auto* t : {&q, &k, &v}) t->mutable_grad().reset();
    const at::Tensor reference =
        at::scaled_dot_product_attention(q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), mask, 0.0, false,
                                         std::nullopt, kv_heads != 4)
            .transpose(1, 2);
    (reference * weight).sum().backward();
    CHECK(at::allclose(ours, reference, 1e-10, 1e-10));
    CHECK(at::allclose(gq, q.grad(), 1e-9, 1e-9));
    CHECK(at::allclose(gk, k.grad(), 1e-9, 1e-9));
    CHECK(at::allclose(gv, v.grad(), 1e-9, 1e-9));
  }
}

TEST_CASE("beyond the explicit length the mask goes through ATen's attention", "[model][attention]") {
  const c10::NoGradGuard no_grad;
  const int64_t T = 1030;
  const at::Tensor q = at::randn({1, T, 2, 4}), k = at::randn({1, T, 1, 4}), v = at::randn({1, T, 1, 4});
  const at::Tensor segments = at::arange(T, at::kLong).div(300, "floor").unsqueeze(0);
  const at::Tensor mask = segments.unsqueeze(2).eq(segments.unsqueeze(1)).tril_().unsqueeze(1);
  const at::Tensor all = causal_attention(q, k, v, mask);
  for (const int64_t first : {0, 300, 900}) {
    const int64_t count = std::min<int64_t>(300, T - first);
    const auto part = [&](const at::Tensor& x) { return x.narrow(1, first, count); };
    CHECK(at::allclose(part(all), causal_attention(part(q), part(k), part(v)), 1e-4, 1e-5));
  }
}

TEST_CASE("one segment a row is no mask", "[model][documents]") {
  const ModelSpec spec = tiny_llama(2);
  const ParamTable params = params_of(spec, ComputeType::fp64);
  const Packed rows = packed_rows(spec, false);
  const StepShape all = StepShape::everything(2);
  const at::Tensor plain = forward_logits(spec, params, rows.tokens, all, ComputeType::fp64);
  const at::Tensor one =
      forward_logits(spec, params, rows.tokens, all, ComputeType::fp64, {at::zeros_like(rows.tokens), false, false});
  CHECK(at::allclose(plain, one, 1e-12, 1e-12));
}

TEST_CASE("ignored targets count neither in the loss nor in the gradient", "[model][documents]") {
  const ModelSpec spec = tiny_llama(2);
  const ParamTable params = params_of(spec, ComputeType::fp32);
  for (const auto& param : params) param.value.set_requires_grad(true);
  const Packed rows = packed_rows(spec, false);
  const StepShape all = StepShape::everything(2);
  const auto gradient = [&](const at::Tensor& tokens, const at::Tensor& targets, const RowLayout& layout) {
    for (const auto& param : params) param.value.mutable_grad().reset();
    const at::Tensor loss = forward_loss(spec, params, tokens, targets, all, ComputeType::fp32, layout);
    loss.backward();
    return std::pair(loss.item<double>(), params.at("layers.0.attn.q.weight").grad().clone());
  };
  const int64_t kept = 11;
  at::Tensor targets = rows.targets.clone();
  targets.narrow(1, kept, kSeq - kept).fill_(kIgnoredTarget);
  const auto ignored = gradient(rows.tokens, targets, {{}, false, true});
  const auto shorter = gradient(rows.tokens.narrow(1, 0, kept), targets.narrow(1, 0, kept), {});
  CHECK(ignored.first == Approx(shorter.first).epsilon(1e-6));
  CHECK(at::allclose(ignored.second, shorter.second, 1e-4, 1e-7));
  // Without ignored targets both forms are the same; without any target there is no loss and no gradient.
  CHECK(gradient(rows.tokens, rows.targets, {{}, false, true}).first ==
        Approx(gradient(rows.tokens, rows.targets, {}).first).epsilon(1e-7));
  const auto nothing = gradient(rows.tokens, at::full_like(targets, kIgnoredTarget), {{}, false, true});
  CHECK(nothing.first == 0);
  CHECK(nothing.second.abs().max().item<double>() == 0);
}
