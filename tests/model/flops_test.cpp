// The closed form of a step's cost against the matrix products that ATen really runs, forwards and backwards.
#include <ATen/ATen.h>

#include "catch.h"
#include "core/model/flops.h"
#include "core/model/forward.h"
#include "core/model/init.h"
#include "support/product_counter.h"
#include "support/tiny_model.h"

using namespace espalier;

namespace {

double counted_flops(const ModelSpec& spec, const StepShape& shape) {
  const ParamTable params = init_params(spec, 1, 0.02, spec.num_layers);
  require_grad(params);
  const at::Tensor tokens = at::zeros({3, spec.seq_len}, at::kLong);
  const test::ProductCounter counter;
  forward_loss(spec, params, tokens, tokens, shape, ComputeType::fp32).backward();
  return counter.flops();
}

void check_equal(const ModelSpec& spec, const StepShape& shape) {
  CHECK(counted_flops(spec, shape) == Approx(step_flops(spec, shape, 3 * spec.seq_len)).epsilon(1e-12));
}

}  // namespace

TEST_CASE("the closed form counts what runs: whole model", "[model][flops]") {
  for (ModelSpec spec : {tiny_llama(3), tiny_gpt2(3)}) {
    check_equal(spec, StepShape::everything(3));
    spec.tie_embeddings = false;
    check_equal(spec, StepShape::everything(3));
  }
}

TEST_CASE("the closed form counts what runs: frozen prefix, frozen middle, bypassed layers", "[model][flops]") {
  const ModelSpec spec = tiny_llama(4);
  StepShape prefix = StepShape::everything(4);
  prefix.trainable = {0, 0, 1, 1, 0, 1, 1};
  check_equal(spec, prefix);
  StepShape middle = StepShape::everything(4);
  middle.trainable = {1, 0, 0, 1, 1, 1, 1};
  check_equal(spec, middle);
  StepShape only_new = StepShape::everything(4);  // phase A with embeddings and head frozen too
  only_new.trainable = {0, 0, 0, 1, 0, 0, 0};
  check_equal(spec, only_new);
  StepShape bypassed = StepShape::everything(4);
  bypassed.run = {1, 0, 0, 1};
  check_equal(spec, bypassed);
}

TEST_CASE("the closed form counts what runs: heads and units left out", "[model][flops]") {
  const ModelSpec spec = tiny_llama(2);
  StepShape shape = StepShape::everything(2);
  shape.head_gate.assign(8, 1);
  shape.head_gate[2] = shape.head_gate[3] = 0;  // layer 0, the second group
  shape.unit_gate.assign(96, 1);
  for (size_t unit = 48; unit < 70; ++unit) shape.unit_gate[unit] = 0;
  check_equal(spec, shape);
  CHECK(step_flops(spec, shape, 16) < step_flops(spec, StepShape::everything(2), 16));
}
