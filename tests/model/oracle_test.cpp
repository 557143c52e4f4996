// The forward pass against the oracle. Tolerances are parts of the largest logit where that is above 1. fp64 differs in
// the order of its sums alone: 6e-15 at most over all cases here, 1e-12 allowed. fp32 rounds at 6e-8: 2e-6 at most,
// over a row of 1030 tokens, and 1e-6 elsewhere; 2e-5 allowed, since other processors add up in another order.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <set>

#include "catch.h"
#include "model/oracle_cases.h"

using namespace espalier;

namespace {

constexpr uint64_t kDrawn = 200;

double largest(const oracle::Values& values) {
  double most = 0;
  for (const double value : values) most = std::max(most, std::abs(value));
  return most;
}

void compare(const oracle::Case& one) {
  INFO(oracle::description(one));
  REQUIRE(check_spec(one.model.spec).message.empty());
  const auto& [name, model, batch, shape] = one;
  const oracle::Values expected = oracle::logits(model, batch, shape);
  const double expected_loss = oracle::loss(model, batch, shape);
  const at::Tensor reference =
      at::tensor(expected, at::kDouble).view({batch.rows, batch.length, model.spec.vocab_size});
  for (const ComputeType compute : {ComputeType::fp32, ComputeType::fp64}) {
    const bool wide = compute == ComputeType::fp64;
    const double tolerance = (wide ? 1e-12 : 2e-5) * std::max(1.0, largest(expected));
    const ParamTable params = oracle::tensors_of(model, wide ? at::kDouble : at::kFloat);
    const at::Tensor tokens = oracle::ids(batch.tokens, batch), targets = oracle::ids(batch.targets, batch);
    const RowLayout layout = oracle::layout_of(batch);
    const at::Tensor logits = forward_logits(model.spec, params, tokens, shape, compute, layout);
    CHECK(logits.sizes() == reference.sizes());
    CHECK((logits.to(at::kDouble) - reference).abs().max().item<double>() < tolerance);
    const double loss = forward_loss(model.spec, params, tokens, targets, shape, compute, layout).item<double>();
    CHECK(std::abs(loss - expected_loss) < tolerance);
  }
}

}  // namespace

TEST_CASE("logits and loss are the oracle's for every option of a spec", "[model][oracle]") {
  const c10::NoGradGuard no_grad;
  for (const oracle::Case& one : oracle::table_cases()) compare(one);
}

TEST_CASE("logits and loss are the oracle's for drawn specs, batches and step shapes", "[model][oracle]") {
  const c10::NoGradGuard no_grad;
  for (uint64_t number = 0; number < kDrawn; ++number) compare(oracle::drawn_case(number));
}

TEST_CASE("a row longer than the explicit attention takes is the oracle's, whole and in documents",
          "[model][oracle][attention]") {
  const c10::NoGradGuard no_grad;
  for (const bool documents : {false, true}) {
    oracle::Case one = oracle::table_cases()[0];
    one.name = "1030 tokens";
    one.model.spec.num_layers = 1;
    one.shape = StepShape::everything(1);
    one.model.spec.seq_len = one.batch.length = 1030;
    one.batch.rows = 1;
    one.batch.tokens.clear();
    for (int64_t t = 0; t < 1030; ++t) {
      one.batch.tokens.push_back((t * t + 5 * t) % 17);
      if (documents) one.batch.segments.push_back(t / 300);
    }
    one.batch.targets = one.batch.tokens;
    compare(one);
  }
}

TEST_CASE("the drawn cases hold every option, alone and beside its opposite", "[model][oracle]") {
  std::set<Activation> activations;
  std::set<std::string> seen;
  for (uint64_t number = 0; number < kDrawn; ++number) {
    const auto [name, model, batch, shape] = oracle::drawn_case(number);
    const ModelSpec& spec = model.spec;
    activations.insert(spec.activation);
    const auto mark = [&](const char* option, auto value) { seen.insert(fmt::format("{} {}", option, int(value))); };
    mark("norm", spec.norm);
    mark("position", spec.position);
    mark("attention bias", spec.attention_bias);
    mark("mlp bias", spec.mlp_bias);
    mark("tied", spec.tie_embeddings);
    mark("scaling", spec.rope_scaling.type);
    mark("shared keys", spec.num_kv_heads < spec.num_heads);
    mark("documents", !batch.segments.empty());
    mark("restart", spec.position == Position::learned && batch.restart_positions);
    mark("padding", oracle::layout_of(batch).padded);
    mark("head gate", !shape.head_gate.empty());
    mark("unit gate", !shape.unit_gate.empty());
    mark("stream gate of layernorm", spec.norm == Norm::layernorm && !shape.stream_gate.empty());
    mark("stream gate of rmsnorm", spec.norm == Norm::rmsnorm && !shape.stream_gate.empty());
    mark("bypass", std::count(shape.run.begin(), shape.run.end(), 0) > 0);
    mark("scale", std::count(shape.scale.begin(), shape.scale.end(), 1.0F) != spec.num_layers);
    mark("frozen", std::count(shape.trainable.begin(), shape.trainable.end(), 0) > 0);
  }
  CHECK(activations.size() == activation_names().size());
  CHECK(seen.size() == 2 * 16 + 3);  // 16 options with two values, and three kinds of scaling
}
