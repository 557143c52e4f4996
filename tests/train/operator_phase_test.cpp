// Learning a growth operator: its gradient, its isolation from the small model, and that it learns.
#include "core/train/operator_phase.h"

#include <ATen/ATen.h>

#include "catch.h"
#include "core/base/error.h"
#include "core/model/flops.h"
#include "core/model/init.h"
#include "support/tiny_model.h"

using namespace espalier;
using namespace espalier::growth;

namespace {

// Depth 1 -> 2: each new matrix is a learned blend of the old one and of a random matrix.
Plan blend_plan(const ModelSpec& from, const ModelSpec& to, int64_t steps) {
  PlanBuilder plan(from, to);
  Learning learning;
  learning.steps = steps;
  learning.lr = 0.05;
  for (const auto& info : param_infos(to)) {
    const std::string old = info.layer == 1 ? "layers.0" + info.name.substr(info.name.find('.', 7)) : info.name;
    const NodeId source = plan.src(old, 0);
    if (info.layer < 0 || info.shape.size() < 2) {
      plan.assign(info.name, source, 0);
      continue;
    }
    const NodeId weights = plan.learned("blend." + info.name, plan.data({2}, {0.2, 1.0}));
    const NodeId noise = plan.normal(info.shape, 0.3, info.name);
    plan.assign(info.name, plan.wsum(weights, {source, noise}), 0);
  }
  plan.learn(learning);
  return plan.finish("test");
}

at::Tensor tokens_of(const ModelSpec& spec) {
  at::Tensor out = at::arange(4 * spec.seq_len, at::kLong);
  return (out * out + 3 * out).remainder(spec.vocab_size).view({4, spec.seq_len});
}

at::Tensor loss_of(const ModelSpec& spec, const ParamTable& params) {
  const at::Tensor tokens = tokens_of(spec);
  return forward_loss(spec, params, tokens, tokens.roll(-1, 1), StepShape::everything(spec.num_layers),
                      ComputeType::fp32);
}

}  // namespace

TEST_CASE("the gradient in two passes is that of the whole graph", "[train][operators]") {
  const ModelSpec from = tiny_llama(1), to = tiny_llama(2);
  const ParamTable small = init_params(from, 1, 0.2, 2);
  OperatorPhase phase = begin_operator_phase(blend_plan(from, to, 5), to, 1, 40, small, 1, 0);
  CHECK(phase.start == 40);
  REQUIRE(operator_gradients(phase, small, 1, 0, [&](const ParamTable& large) {
    for (int half = 0; half < 2; ++half) (loss_of(to, large) / 2).backward();  // two micro-batches
    return true;
  }));
  Leaves direct;
  for (const auto& [name, leaf] : phase.leaves) direct[name] = leaf.detach().clone().set_requires_grad(true);
  loss_of(to, expand(phase.plan, to, small, direct, 1, 0)).backward();
  for (const auto& [name, leaf] : phase.leaves) {
    CHECK(at::allclose(leaf.grad(), direct[name].grad(), 1e-4, 1e-6));
    CHECK(leaf.grad().abs().max().item<double>() > 0);
  }
}

TEST_CASE("operators learn and the small model stays as it is", "[train][operators]") {
  const ModelSpec from = tiny_llama(1), to = tiny_llama(2);
  const ParamTable small = init_params(from, 1, 0.2, 2);
  const ParamTable kept = small.transformed([](const Param& param) { return param.value.clone(); });
  OperatorPhase phase = begin_operator_phase(blend_plan(from, to, 30), to, 1, 0, small, 1, 0);
  double first = 0, last = 0;
  while (!phase.finished()) {
    operator_gradients(phase, small, 1, 0, [&](const ParamTable& large) {
      const at::Tensor loss = loss_of(to, large);
      loss.backward();
      last = loss.item<double>();
      return true;
    });
    if (phase.done == 0) first = last;
    clip_operator_gradients(phase);
    update_operators(phase);
  }
  CHECK(phase.done == 30);
  CHECK(last < first - 0.1);
  for (const auto& param : small) {
    CHECK(param.value.equal(kept.at(param.info.name)));
    CHECK_FALSE(param.value.grad().defined());
  }
  // What is folded is what was learned.
  const Grown grown = execute(phase.plan, to, small, {}, 1, 0, "test", phase.leaves);
  CHECK(loss_of(to, grown.params).item<double>() < first - 0.1);
}

TEST_CASE("an operator phase without data ends at once", "[train][operators]") {
  const ModelSpec from = tiny_llama(1), to = tiny_llama(2);
  const ParamTable small = init_params(from, 1, 0.2, 2);
  OperatorPhase phase = begin_operator_phase(blend_plan(from, to, 5), to, 1, 0, small, 1, 0);
  CHECK_FALSE(operator_gradients(phase, small, 1, 0, [](const ParamTable&) { return false; }));
}

TEST_CASE("the learning rate warms up, then keeps its shape", "[train][operators]") {
  Learning learning;
  learning.steps = 10;
  learning.warmup = 4;
  learning.lr = 2.0;
  CHECK(learning.lr_at(0) == Approx(0.5));
  CHECK(learning.lr_at(3) == Approx(2.0));
  CHECK(learning.lr_at(9) == Approx(2.0));
  learning.shape = Learning::Shape::linear;
  CHECK(learning.lr_at(7) == Approx(1.0));
  learning.shape = Learning::Shape::cosine;
  CHECK(learning.lr_at(7) == Approx(1.0));
  CHECK(learning.lr_at(9) == Approx(1 + std::cos(3.14159265358979 * 5 / 6)));
}

TEST_CASE("a plan with leaves says how they learn, and the other way round", "[train][operators]") {
  const ModelSpec spec = tiny_llama(1);
  const auto problem = [&](bool leaf, int64_t steps) {
    PlanBuilder plan(spec, spec);
    for (const auto& info : param_infos(spec)) {
      NodeId value = plan.src(info.name, 0);
      if (leaf && info.role == "final_norm") value = plan.mul(value, plan.learned("a", plan.full({32}, 1.0)));
      plan.assign(info.name, value, 0);
    }
    Learning learning;
    learning.steps = steps;
    learning.lr = 1;
    if (steps >= 0) plan.learn(learning);
    try {
      plan.finish("test");
    } catch (const Error& error) {
      return error.message();
    }
    return std::string("accepted");
  };
  CHECK(problem(true, 3) == "accepted");
  CHECK_THAT(problem(true, -1), Catch::Contains("nothing says how they learn"));
  CHECK_THAT(problem(false, 3), Catch::Contains("but has none"));
  CHECK_THAT(problem(true, 0), Catch::Contains("learn: 0 steps"));
  PlanBuilder reads(spec, spec);
  reads.learned("a", reads.src("embed.weight", 0));
  CHECK_THAT(reads.problem(), Catch::Contains("reads old parameters"));
}
