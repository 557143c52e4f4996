// Plans that are deep, nested or huge: time and stack stay bounded, and what a run would refuse the plan refuses.
#include <ATen/ATen.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "catch.h"
#include "core/base/error.h"
#include "core/growth/execute.h"
#include "core/model/init.h"
#include "support/tiny_model.h"

using namespace espalier;
using namespace espalier::growth;

namespace {

const std::string kNorm = "layers.0.norm1.weight";  // 32 numbers

// All parameters as they are, but for `kNorm`, which has the moments.
template <class Build>
Plan plan_with(const ModelSpec& spec, Moments moments, Build&& build) {
  PlanBuilder plan(spec, spec);
  for (const auto& info : param_infos(spec))
    if (info.name != kNorm) plan.assign(info.name, plan.src(info.name, 0), static_cast<uint32_t>(Moments::zero));
  plan.assign(kNorm, build(plan), static_cast<uint32_t>(moments));
  return plan.finish("test");
}

template <class Build>
std::string refusal(Build&& build, Moments moments = Moments::map) {
  try {
    plan_with(tiny_llama(1), moments, build);
  } catch (const Error& error) {
    return error.message();
  }
  return "no error";
}

struct Ran {
  Grown grown;
  double seconds;
};

Ran run(const Plan& plan, const ModelSpec& spec, const ParamTable& params, const OptimState& state) {
  const auto start = std::chrono::steady_clock::now();
  Grown grown = execute(plan, spec, params, state, 1, 0, "test");
  canonical_bytes(plan);
  CHECK(plan_sources(plan).at(kNorm) == std::vector<std::string>{kNorm});
  CHECK(plan_flops(plan) >= 0);
  CHECK(expansion_step_flops(plan) >= 0);
  return {std::move(grown), std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count()};
}

}  // namespace

TEST_CASE("sixty nested halves of itself take no longer than sixty nodes", "[growth][deep]") {
  const ModelSpec spec = tiny_llama(1);
  const ParamTable params = init_params(spec, 1, 0.1, 1);
  OptimState state;
  for (const auto& param : params) state[param.info.name] = {param.value + 1, param.value.square() + 1, 3};
  for (const Moments moments : {Moments::map, Moments::custom, Moments::zero}) {
    const Plan plan = plan_with(spec, moments, [&](PlanBuilder& p) {
      const auto nested = [&](uint32_t what) {
        NodeId e = p.src(kNorm, what);
        for (int i = 0; i < 60; ++i) e = p.lincomb({e, e}, {0.5, 0.5});
        return e;
      };
      if (moments == Moments::custom) p.assign_moment(kNorm, 1, nested(1)), p.assign_moment(kNorm, 2, nested(2));
      return nested(0);
    });
    const Ran ran = run(plan, spec, params, state);
    CHECK(ran.seconds < 5);
    CHECK(at::allclose(ran.grown.params.at(kNorm), params.at(kNorm)));
    if (moments == Moments::map) {
      CHECK(at::allclose(ran.grown.state.at(kNorm).exp_avg, state.at(kNorm).exp_avg));
      // Two halves squared are a half together.
      CHECK(at::allclose(ran.grown.state.at(kNorm).exp_avg_sq * std::ldexp(1.0, 60), state.at(kNorm).exp_avg_sq));
    }
    if (moments == Moments::custom)
      CHECK(at::allclose(ran.grown.state.at(kNorm).exp_avg_sq, state.at(kNorm).exp_avg_sq));
  }
}

TEST_CASE("a chain of 200,000 nodes overflows no stack", "[growth][deep]") {
  const ModelSpec spec = tiny_llama(1);
  const ParamTable params = init_params(spec, 1, 0.1, 1);
  OptimState state;
  for (const auto& param : params) state[param.info.name] = {param.value + 1, param.value.square() + 1, 3};
  const auto chain = [](int length) {
    return [=](PlanBuilder& p) {
      NodeId e = p.src(kNorm, 0);
      for (int i = 0; i < length; ++i) e = p.lincomb({e}, {i % 2 == 0 ? 2.0 : 0.5});
      return e;
    };
  };
  for (const auto& [moments, length] : {std::pair(Moments::map, 200'000), std::pair(Moments::like_gradient, 50'000)}) {
    const Ran ran = run(plan_with(spec, moments, chain(length)), spec, params, state);
    CHECK(ran.grown.params.at(kNorm).equal(params.at(kNorm)));
    CHECK(at::allclose(ran.grown.state.at(kNorm).exp_avg_sq, state.at(kNorm).exp_avg_sq));
  }
}

TEST_CASE("a plan of too many nodes or inputs is refused by name", "[growth][deep]") {
  CHECK_THAT(refusal([](PlanBuilder& p) {
               NodeId e = p.src(kNorm, 0);
               for (size_t i = 0; i <= PlanBuilder::kMaxNodes; ++i) e = p.lincomb({e}, {1.0});
               return e;
             }),
             Catch::Contains("more than 1000000 nodes"));
  CHECK_THAT(refusal([](PlanBuilder& p) {
               const NodeId e = p.src(kNorm, 0);
               const std::vector<NodeId> terms(1 << 20, e);
               const std::vector<double> coefs(terms.size(), 1e-6);
               NodeId sum = e;
               for (int i = 0; i < 17; ++i) sum = p.lincomb(terms, coefs);
               return sum;
             }),
             Catch::Contains("more than 16000000 inputs"));
}

TEST_CASE("what a run would trip over is refused when the plan is made", "[growth][plan]") {
  using Catch::Contains;
  const auto scaled = [](double factor) {
    return [=](PlanBuilder& p) { return p.lincomb({p.src(kNorm, 0)}, {factor}); };
  };
  CHECK_THAT(refusal([](PlanBuilder& p) { return p.full({32}, 1e300); }),
             Contains("full: the value 1e+300 does not fit a 32-bit number"));
  CHECK_THAT(refusal([](PlanBuilder& p) { return p.normal({32}, 1e39, "x"); }), Contains("1e+39 does not fit"));
  CHECK_THAT(refusal([](PlanBuilder& p) { return p.data({32}, std::vector<double>(32, -1e39)); }),
             Contains("data: value 1 of 32, -1e+39"));
  CHECK_THAT(refusal(scaled(1e300)), Contains("coefficient 1 of 1, 1e+300"));
  CHECK_THAT(refusal(scaled(std::numeric_limits<double>::quiet_NaN())), Contains("coefficient 1 of 1, nan"));
  CHECK_THAT(refusal([](PlanBuilder& p) { return p.full({1 << 30, 1 << 30, 1 << 30}, 1.0); }), Contains("too large"));
  CHECK_THAT(refusal([](PlanBuilder& p) { return p.mul(p.src(kNorm, 0), p.src(kNorm, 0)); }),
             Contains(kNorm) && Contains("cannot be mapped"));
  CHECK_THAT(refusal([](PlanBuilder& p) {
               p.learned("leaf", p.full({32}, 1.0));
               p.learn({5, 0, Learning::Shape::constant, 1e-3, 0, 0.9, 0.99, 1e-8, 0});
               return p.src(kNorm, 0);
             }),
             Contains("no parameter depends on the learned leaf 'leaf'"));
  CHECK(refusal([](PlanBuilder& p) { return p.mul(p.src(kNorm, 0), p.src(kNorm, 0)); }, Moments::zero) == "no error");
  CHECK(refusal([](PlanBuilder& p) { return p.full({32}, 3e38); }) == "no error");
}

TEST_CASE("a node that nothing needs costs nothing", "[growth][plan]") {
  const Plan plan = plan_with(tiny_llama(1), Moments::map, [](PlanBuilder& p) {
    const NodeId embed = p.src("embed.weight", 0);
    p.matmul(embed, embed, true, false);
    return p.lincomb({p.src(kNorm, 0)}, {2.0});
  });
  CHECK(plan_flops(plan) == 2.0 * 32);
}
