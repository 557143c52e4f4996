// Gates worked into the weights: the plain model computes what the gated one does.
#include "core/model/fold_gates.h"

#include <ATen/ATen.h>

#include "catch.h"
#include "core/model/forward.h"
#include "core/model/init.h"
#include "support/tiny_model.h"

using namespace espalier;

namespace {

ParamTable params_of(const ModelSpec& spec) {
  at::manual_seed(5);
  return init_params(spec, 7, 0.2, spec.num_layers).transformed([](const Param& param) {
    return param.value.to(at::kDouble) + 0.1 * at::randn(param.value.sizes(), at::kDouble);
  });
}

at::Tensor logits_of(const ModelSpec& spec, const ParamTable& params, const StepShape& shape) {
  at::Tensor tokens = at::arange(2 * spec.seq_len, at::kLong);
  tokens = (tokens * tokens + 3 * tokens).remainder(spec.vocab_size).view({2, spec.seq_len});
  return forward_logits(spec, params, tokens, shape, ComputeType::fp64);
}

// Gates on every axis: open, half open and closed ones, another scale for each layer.
StepShape gated(const ModelSpec& spec, bool stream) {
  StepShape shape = StepShape::everything(spec.num_layers);
  shape.in_evaluation = true;
  shape.scale = {0.25F, 1.0F};
  for (int64_t i = 0; i < spec.num_layers * spec.num_heads; ++i)
    shape.head_gate.push_back(i % 4 == 3 ? 0.0F : i % 4 == 2 ? 0.5F : 1.0F);
  for (int64_t i = 0; i < spec.num_layers * spec.d_ff; ++i)
    shape.unit_gate.push_back(i % 3 == 2 ? 0.0F : i % 3 == 1 ? 0.75F : 1.0F);
  for (int64_t i = 0; stream && i < spec.d_model; ++i)
    shape.stream_gate.push_back(i < 20 ? 1.0F : i < 26 ? 0.3F : 0.0F);
  return shape;
}

double fold_error(const ModelSpec& spec, bool stream) {
  const ParamTable params = params_of(spec);
  const StepShape shape = gated(spec, stream);
  const auto folded = fold_gates(spec, params, shape);
  REQUIRE(folded.has_value());
  const at::Tensor expected = logits_of(spec, params, shape);
  CHECK((logits_of(spec, params, StepShape::everything(2)) - expected).abs().max().item<double>() > 1e-2);
  return (logits_of(folded->spec, folded->params, StepShape::everything(2)) - expected).abs().max().item<double>();
}

}  // namespace

TEST_CASE("scales, heads, units and the stream of an RMSNorm model fold exactly", "[model][gates][fold]") {
  ModelSpec untied = tiny_llama(2), learned = tiny_llama(2), biased = tiny_llama(2);
  untied.tie_embeddings = false;
  learned.position = Position::learned;
  learned.activation = Activation::relu2;
  biased.attention_bias = biased.mlp_bias = true;
  for (const ModelSpec& spec : {tiny_llama(2), untied, learned, biased}) {
    CHECK(fold_error(spec, true) < 1e-10);
    CHECK(fold_error(spec, false) < 1e-10);
  }
}

TEST_CASE("a LayerNorm model folds all but a stream gate", "[model][gates][fold]") {
  ModelSpec untied = tiny_gpt2(2);
  untied.tie_embeddings = false;
  for (const ModelSpec& spec : {tiny_gpt2(2), untied}) {
    CHECK(fold_error(spec, false) < 1e-10);
    CHECK_FALSE(fold_gates(spec, params_of(spec), gated(spec, true)).has_value());
  }
}

TEST_CASE("open gates change no weight", "[model][gates][fold]") {
  const ModelSpec spec = tiny_llama(2);
  const ParamTable params = params_of(spec);
  const auto folded = fold_gates(spec, params, StepShape::everything(2));
  REQUIRE(folded.has_value());
  CHECK(folded->spec == spec);
  for (const auto& param : params) CHECK(param.value.equal(folded->params.at(param.info.name)));
}

TEST_CASE("a stream gate below 0 has no root and is not folded", "[model][gates][fold]") {
  const ModelSpec spec = tiny_llama(2);
  StepShape shape = gated(spec, true);
  shape.stream_gate[3] = -0.5F;
  CHECK_FALSE(fold_gates(spec, params_of(spec), shape).has_value());
}

TEST_CASE("evaluation takes gates that belong to the model, and never bypasses", "[model][gates]") {
  const ModelSpec spec = tiny_llama(2);
  StepShape shape = gated(spec, true);
  shape.run = {0, 1};
  shape.trainable[0] = 0;
  shape.phase = 1;
  const StepShape evaluated = shape.evaluated();
  CHECK(evaluated.run == std::vector<uint8_t>{1, 1});
  CHECK(evaluated.trainable == StepShape::everything(2).trainable);
  CHECK(evaluated.scale == shape.scale);
  CHECK(evaluated.head_gate == shape.head_gate);
  CHECK(evaluated.unit_gate == shape.unit_gate);
  CHECK(evaluated.stream_gate == shape.stream_gate);
  shape.in_evaluation = false;  // a sub-network
  CHECK(shape.evaluated() == StepShape::everything(2));
}
