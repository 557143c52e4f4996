// Gates on heads, hidden units and the residual stream: the narrower model they leave, at its cost.
#include <ATen/ATen.h>

#include <cmath>
#include <limits>

#include "catch.h"
#include "core/model/forward.h"
#include "core/model/init.h"
#include "core/model/pointwise.h"
#include "support/tiny_model.h"

using namespace espalier;

namespace {

ParamTable wide_params(const ModelSpec& spec) {
  at::manual_seed(5);
  return init_params(spec, 7, 0.2, spec.num_layers).transformed([](const Param& param) {
    return param.value.to(at::kDouble) + 0.1 * at::randn(param.value.sizes(), at::kDouble);
  });
}

at::Tensor tokens_of(const ModelSpec& spec) {
  at::Tensor out = at::arange(2 * spec.seq_len, at::kLong);
  return (out * out + 3 * out).remainder(spec.vocab_size).view({2, spec.seq_len});
}

at::Tensor logits_of(const ModelSpec& spec, const ParamTable& params, const StepShape& shape) {
  return forward_logits(spec, params, tokens_of(spec), shape, ComputeType::fp64);
}

double max_diff(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

StepShape ones(const ModelSpec& spec) {
  StepShape shape = StepShape::everything(spec.num_layers);
  shape.head_gate.assign(static_cast<size_t>(spec.num_layers * spec.num_heads), 1.0F);
  shape.unit_gate.assign(static_cast<size_t>(spec.num_layers * spec.d_ff), 1.0F);
  return shape;
}

void poison(const at::Tensor& part) {
  part.fill_(std::numeric_limits<double>::quiet_NaN());
}

}  // namespace

TEST_CASE("heads and units that are gated off are never touched", "[model][gates]") {
  for (const ModelSpec& spec : {tiny_llama(2), tiny_gpt2(2)}) {
    const ParamTable params = wide_params(spec);
    StepShape shape = ones(spec);
    const auto heads = static_cast<size_t>(spec.num_heads), group = heads / static_cast<size_t>(spec.num_kv_heads);
    for (size_t head = 0; head < group; ++head) shape.head_gate[heads + head] = 0;  // layer 1, the first group
    for (size_t unit = 3; unit < 40; ++unit) shape.unit_gate[unit] = 0;             // layer 0
    // The same by zeroed columns.
    const ParamTable masked = params.transformed([](const Param& param) { return param.value.clone(); });
    const int64_t width = static_cast<int64_t>(group) * spec.head_dim;
    masked.at("layers.1.attn.o.weight").narrow(1, 0, width).zero_();
    masked.at("layers.0.mlp.down.weight").narrow(1, 3, 37).zero_();
    const at::Tensor expected = logits_of(spec, masked, StepShape::everything(2));
    CHECK(max_diff(logits_of(spec, params, shape), expected) < 1e-12);

    for (const char* name : {"layers.0.mlp.up.weight", "layers.0.mlp.gate.weight", "layers.0.mlp.up.bias"})
      if (const at::Tensor* value = params.find(name)) poison(value->narrow(0, 3, 37));
    poison(params.at("layers.0.mlp.down.weight").narrow(1, 3, 37));
    poison(params.at("layers.1.attn.q.weight").narrow(0, 0, width));
    poison(params.at("layers.1.attn.k.weight").narrow(0, 0, spec.head_dim));
    poison(params.at("layers.1.attn.v.weight").narrow(0, 0, spec.head_dim));
    poison(params.at("layers.1.attn.o.weight").narrow(1, 0, width));
    CHECK(max_diff(logits_of(spec, params, shape), expected) < 1e-12);
  }
}

TEST_CASE("a gate between 0 and 1 scales a head's output and a unit's", "[model][gates]") {
  const ModelSpec spec = tiny_llama(2);
  const ParamTable params = wide_params(spec);
  StepShape shape = ones(spec);
  shape.head_gate[1] = 0.25F;  // layer 0, head 1
  shape.unit_gate[7] = 0.5F;
  const ParamTable scaled = params.transformed([](const Param& param) { return param.value.clone(); });
  scaled.at("layers.0.attn.o.weight").narrow(1, spec.head_dim, spec.head_dim).mul_(0.25);
  scaled.at("layers.0.mlp.down.weight").narrow(1, 7, 1).mul_(0.5);
  CHECK(max_diff(logits_of(spec, params, shape), logits_of(spec, scaled, StepShape::everything(2))) < 1e-12);
  shape.head_gate[1] = shape.unit_gate[7] = 1;
  CHECK(logits_of(spec, params, shape).equal(logits_of(spec, params, StepShape::everything(2))));
}

TEST_CASE("a layer without heads and units is its biases alone", "[model][gates]") {
  const ModelSpec spec = tiny_gpt2(1);
  const ParamTable params = wide_params(spec);
  StepShape shape = ones(spec);
  shape.head_gate.assign(shape.head_gate.size(), 0);
  shape.unit_gate.assign(shape.unit_gate.size(), 0);
  const ParamTable bare = params.transformed([](const Param& param) {
    return param.info.name.ends_with("attn.o.weight") || param.info.name.ends_with("mlp.down.weight")
               ? at::zeros_like(param.value)
               : param.value;
  });
  CHECK(max_diff(logits_of(spec, params, shape), logits_of(spec, bare, StepShape::everything(1))) < 1e-12);
}

TEST_CASE("a stream gate of zeros and ones is the narrower model, for both norms", "[model][gates]") {
  for (const bool llama : {true, false}) {
    const ModelSpec wide = llama ? tiny_llama(2) : tiny_gpt2(2);
    ModelSpec narrow = wide;
    narrow.d_model = 20;
    const ParamTable params = wide_params(wide);
    const ParamTable small(narrow, [&](const ParamInfo& info) {
      at::Tensor value = params.at(info.name);
      for (size_t dim = 0; dim < info.axes.size(); ++dim)
        if (info.axes[dim] == "d_model") value = value.narrow(static_cast<int64_t>(dim), 0, 20);
      return value.contiguous();
    });
    StepShape shape = StepShape::everything(2);
    shape.stream_gate.assign(32, 0);
    for (size_t i = 0; i < 20; ++i) shape.stream_gate[i] = 1;
    CHECK(max_diff(logits_of(wide, params, shape), logits_of(narrow, small, StepShape::everything(2))) < 1e-12);
  }
}

TEST_CASE("a gated norm with all gates open is the plain norm", "[model][gates]") {
  const auto options = at::TensorOptions().dtype(at::kDouble);
  const at::Tensor x = at::randn({5, 12}, options), gain = at::randn({12}, options), shift = at::randn({12}, options);
  const at::Tensor open = at::ones({12}, options);
  CHECK(max_diff(gated_norm(x, open, gain, {}, 1e-5), rms_norm(x, gain, 1e-5)) < 1e-13);
  CHECK(max_diff(gated_norm(x, open, gain, shift, 1e-5), at::layer_norm(x, {12}, gain, shift, 1e-5)) < 1e-13);
}

TEST_CASE("a gated norm weighs its statistics and its output by the gate", "[model][gates]") {
  const auto options = at::TensorOptions().dtype(at::kDouble);
  const at::Tensor x = at::tensor({3.0, 1.0, 10.0}, options).view({1, 3}), gate = at::tensor({1.0, 1.0, 0.5}, options);
  const at::Tensor gain = at::tensor({2.0, 1.0, 4.0}, options), shift = at::tensor({0.0, 1.0, 3.0}, options);
  // RMSNorm: mean square (9 + 1 + 50) / 2.5 = 24.
  const at::Tensor rms = at::tensor({6.0, 1.0, 20.0}, options).view({1, 3}) / std::sqrt(24.0);
  CHECK(max_diff(gated_norm(x, gate, gain, {}, 0.0), rms) < 1e-14);
  // LayerNorm: mean (3 + 1 + 5) / 2.5 = 3.6; variance (0.36 + 6.76 + 0.5 * 40.96) / 2.5 = 11.04.
  const double root = std::sqrt(11.04);
  const at::Tensor layer =
      at::tensor({2 * -0.6 / root, -2.6 / root + 1, 0.5 * (4 * 6.4 / root + 3)}, options).view({1, 3});
  CHECK(max_diff(gated_norm(x, gate, gain, shift, 0.0), layer) < 1e-14);
}
