#include <ATen/ATen.h>

#include <functional>
#include <limits>

#include "catch.h"
#include "core/base/error.h"
#include "core/growth/audit.h"
#include "core/growth/execute.h"
#include "core/model/init.h"
#include "support/tiny_model.h"

using namespace espalier;
using namespace espalier::growth;

namespace {

constexpr auto kMap = static_cast<uint32_t>(Moments::map), kZero = static_cast<uint32_t>(Moments::zero);

std::string layer_name(const ParamInfo& info, int layer) {
  return "layers." + std::to_string(layer) + info.name.substr(info.name.find('.', 7));
}

OptimState random_state(const ParamTable& params, int64_t step) {
  OptimState state;
  for (const auto& param : params)
    state[param.info.name] = {at::randn_like(param.value), at::rand_like(param.value), step};
  return state;
}

}  // namespace

TEST_CASE("copied layers equal their source and share no storage; moments follow by name", "[growth][execute]") {
  const ModelSpec from = tiny_llama(2), to = tiny_llama(3);
  const ParamTable params = init_params(from, 1, 0.1, 2);
  OptimState state = random_state(params, 17);
  state["layers.1.norm1.weight"].step = 9;
  PlanBuilder plan(from, to);
  const int source[] = {0, 1, 1};
  for (const auto& info : param_infos(to)) {
    const std::string old = info.layer >= 0 ? layer_name(info, source[info.layer]) : info.name;
    plan.assign(info.name, plan.src(old, 0), info.layer == 2 && info.role == "mlp.up" ? kZero : kMap);
  }
  const Grown grown = execute(plan.finish("t"), to, params, state, 1, 0, "t");
  for (const auto& param : grown.params) {
    const std::string old = param.info.layer >= 0 ? layer_name(param.info, source[param.info.layer]) : param.info.name;
    CHECK(param.value.equal(params.at(old)));
    CHECK_FALSE(param.value.is_alias_of(params.at(old)));
    if (param.info.layer == 2 && param.info.role == "mlp.up") {
      CHECK(grown.state.count(param.info.name) == 0);
      continue;
    }
    const AdamMoments& moments = grown.state.at(param.info.name);
    CHECK(moments.exp_avg.equal(state[old].exp_avg));
    CHECK(moments.exp_avg_sq.equal(state[old].exp_avg_sq));
    CHECK(moments.step == state[old].step);
  }
  CHECK_FALSE(grown.params.at("layers.1.attn.q.weight").is_alias_of(grown.params.at("layers.2.attn.q.weight")));
}

TEST_CASE("every operation agrees with ATen, and moments take its linear part", "[growth][execute]") {
  const ModelSpec spec = tiny_llama(2);
  const ParamTable params = init_params(spec, 1, 0.1, 2);
  const OptimState state = random_state(params, 5);
  const at::Tensor q0 = params.at("layers.0.attn.q.weight"), q1 = params.at("layers.1.attn.q.weight");
  const auto &m0 = state.at("layers.0.attn.q.weight"), &m1 = state.at("layers.1.attn.q.weight");
  std::vector<double> numbers(32 * 32);
  for (size_t i = 0; i < numbers.size(); ++i) numbers[i] = 0.01 * static_cast<double>(i % 37) - 0.1;
  const at::Tensor matrix = at::tensor(numbers, at::kDouble).to(at::kFloat).view({32, 32});
  const std::vector<int64_t> index{3, 3, 0, 1, 5};
  const at::Tensor ids = at::tensor(index, at::kLong);

  struct Case {
    const char* name;
    std::function<NodeId(PlanBuilder&, NodeId, NodeId, NodeId)> build;
    at::Tensor value, exp_avg, exp_avg_sq;
  };
  const std::vector<Case> cases{
      {"lincomb",
       [](auto& p, NodeId a, NodeId b, NodeId) {
         return p.lincomb({a, b}, {2.0, -0.5});
       },
       2 * q0 - 0.5 * q1, 2 * m0.exp_avg - 0.5 * m1.exp_avg, 4 * m0.exp_avg_sq + 0.25 * m1.exp_avg_sq},
      {"wsum",
       [](auto& p, NodeId a, NodeId b, NodeId) {
         return p.wsum(p.data({2}, {0.25, 0.75}), {a, b});
       },
       0.25 * q0 + 0.75 * q1, 0.25 * m0.exp_avg + 0.75 * m1.exp_avg, 0.0625 * m0.exp_avg_sq + 0.5625 * m1.exp_avg_sq},
      {"matmul left", [](auto& p, NodeId a, NodeId, NodeId m) { return p.matmul(m, a, true, false); },
       at::matmul(matrix.t(), q0), at::matmul(matrix.t(), m0.exp_avg), at::matmul(matrix.square().t(), m0.exp_avg_sq)},
      {"matmul right", [](auto& p, NodeId a, NodeId, NodeId m) { return p.matmul(a, m, false, true); },
       at::matmul(q0, matrix.t()), at::matmul(m0.exp_avg, matrix.t()), at::matmul(m0.exp_avg_sq, matrix.square().t())},
      {"mul", [](auto& p, NodeId a, NodeId, NodeId m) { return p.mul(a, m); }, q0 * matrix, m0.exp_avg * matrix,
       m0.exp_avg_sq * matrix.square()},
      {"gather, concat, slice",
       [&](auto& p, NodeId a, NodeId b, NodeId) {
         return p.concat(0, {p.gather(a, 0, index), p.slice(b, 0, 2, 29)});
       },
       at::cat({q0.index_select(0, ids), q1.narrow(0, 2, 27)}),
       at::cat({m0.exp_avg.index_select(0, ids), m1.exp_avg.narrow(0, 2, 27)}),
       at::cat({m0.exp_avg_sq.index_select(0, ids), m1.exp_avg_sq.narrow(0, 2, 27)})},
      {"permute, reshape",
       [](auto& p, NodeId a, NodeId, NodeId) {
         return p.reshape(p.reshape(p.permute(a, {1, 0}), {64, 16}), {32, 32});
       },
       q0.t().reshape({32, 32}), m0.exp_avg.t().reshape({32, 32}), m0.exp_avg_sq.t().reshape({32, 32})},
      {"constants vanish",
       [](auto& p, NodeId a, NodeId, NodeId) {
         return p.lincomb({a, p.full({32, 32}, 3.0), p.normal({32, 32}, 0.1, "x")}, {1, 1, 0});
       },
       q0 + 3, m0.exp_avg, m0.exp_avg_sq},
  };
  for (const auto& test : cases) {
    INFO(test.name);
    PlanBuilder plan(spec, spec);
    const NodeId a = plan.src("layers.0.attn.q.weight", 0), b = plan.src("layers.1.attn.q.weight", 0);
    const NodeId result = test.build(plan, a, b, plan.data({32, 32}, numbers));
    for (const auto& info : param_infos(spec))
      plan.assign(info.name, info.name == "layers.0.attn.q.weight" ? result : plan.src(info.name, 0), kMap);
    const Grown grown = execute(plan.finish("t"), spec, params, state, 1, 0, "t");
    const auto& moments = grown.state.at("layers.0.attn.q.weight");
    CHECK(at::allclose(grown.params.at("layers.0.attn.q.weight"), test.value, 1e-5, 1e-6));
    CHECK(at::allclose(moments.exp_avg, test.exp_avg, 1e-5, 1e-6));
    CHECK(at::allclose(moments.exp_avg_sq, test.exp_avg_sq, 1e-5, 1e-6));
  }
}

TEST_CASE("custom moments are taken as given; a product of weights cannot be mapped", "[growth][execute]") {
  const ModelSpec spec = tiny_llama(1);
  const ParamTable params = init_params(spec, 1, 0.1, 1);
  const OptimState state = random_state(params, 3);
  const std::string name = "layers.0.attn.q.weight";
  for (const bool custom : {true, false}) {
    PlanBuilder plan(spec, spec);
    const NodeId square = plan.mul(plan.src(name, 0), plan.src(name, 0));
    for (const auto& info : param_infos(spec))
      plan.assign(info.name, info.name == name ? square : plan.src(info.name, 0), info.name == name && custom ? 2 : 1);
    if (custom) {
      plan.assign_moment(name, 1, plan.src(name, 1));
      plan.assign_moment(name, 2, plan.lincomb({plan.src(name, 2)}, {7.0}));
      const Grown grown = execute(plan.finish("t"), spec, params, state, 1, 0, "t");
      CHECK(at::allclose(grown.state.at(name).exp_avg_sq, 7 * state.at(name).exp_avg_sq));
      CHECK(grown.state.at(name).step == 3);
    } else {
      CHECK_THROWS_WITH(execute(plan.finish("t"), spec, params, state, 1, 0, "t"), Catch::Contains("cannot be mapped"));
    }
  }
}

TEST_CASE("random nodes repeat with the seed and differ by event and purpose", "[growth][execute]") {
  const ModelSpec spec = tiny_llama(1);
  const ParamTable params = init_params(spec, 1, 0.1, 1);
  const auto run = [&](uint64_t seed, int64_t event, const char* purpose) {
    PlanBuilder plan(spec, spec);
    for (const auto& info : param_infos(spec))
      plan.assign(info.name, info.role == "embed" ? plan.normal({61, 32}, 0.5, purpose) : plan.src(info.name, 0), 0);
    return execute(plan.finish("t"), spec, params, {}, seed, event, "t").params.at("embed.weight");
  };
  const at::Tensor base = run(1, 0, "a");
  CHECK(base.equal(run(1, 0, "a")));
  CHECK_FALSE(base.equal(run(2, 0, "a")));
  CHECK_FALSE(base.equal(run(1, 1, "a")));
  CHECK_FALSE(base.equal(run(1, 0, "b")));
  CHECK(base.std().item<double>() == Approx(0.5).epsilon(0.1));
}

TEST_CASE("a result that is not finite fails and leaves the inputs as they were", "[growth][execute]") {
  const ModelSpec spec = tiny_llama(1);
  const ParamTable params = init_params(spec, 1, 0.1, 1);
  params.at("layers.0.mlp.up.weight").view(-1)[3].fill_(std::numeric_limits<float>::infinity());
  const ParamTable before = params.transformed([](const Param& p) { return p.value.clone(); });
  PlanBuilder plan(spec, spec);
  for (const auto& info : param_infos(spec)) plan.assign(info.name, plan.src(info.name, 0), 1);
  CHECK_THROWS_WITH(execute(plan.finish("t"), spec, params, {}, 1, 0, "t"),
                    Catch::Contains("mlp.up") && Catch::Contains("not finite"));
  for (const auto& param : params) CHECK(param.value.equal(before.at(param.info.name)));
}

TEST_CASE("a claim of function preservation is verified on the probe batch", "[growth][audit]") {
  const ModelSpec from = tiny_llama(2), to = tiny_llama(3);
  const ParamTable params = init_params(from, 1, 0.2, 2);
  const at::Tensor tokens = at::arange(32, at::kLong).view({2, 16});
  const Probe probe{tokens, tokens.roll(-1, 1)};
  const auto grow = [&](bool zero_out) {
    PlanBuilder plan(from, to);
    for (const auto& info : param_infos(to)) {
      const std::string old = info.layer == 2 ? layer_name(info, 1) : info.name;
      const bool out = info.role == "attn.o" || info.role == "mlp.down";
      plan.assign(info.name, info.layer == 2 && out && zero_out ? plan.full(info.shape, 0) : plan.src(old, 0), 1);
    }
    return execute(plan.finish("t"), to, params, {}, 1, 0, "t");
  };
  const Audit exact = audit(from, params, to, grow(true).params, probe, 1e-6, "org.example.zero");
  CHECK(exact.max_logit_diff == 0.0);
  CHECK(exact.loss_after == exact.loss_before);
  CHECK(exact.params_after == num_params(to));
  CHECK(audit(from, params, to, grow(false).params, probe, std::nullopt, "x").max_logit_diff > 1e-3);
  CHECK_THROWS_WITH(audit(from, params, to, grow(false).params, probe, 1e-3, "org.example.false"),
                    Catch::Contains("org.example.false") && Catch::Contains("claims to preserve"));
}
