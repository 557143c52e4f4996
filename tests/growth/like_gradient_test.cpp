// Moments as gradients move, against gradients themselves: those of a small net written here in ATen, and the dense
// pseudo-inverse of a map written here as a matrix.
#include <ATen/ATen.h>

#include <algorithm>
#include <functional>

#include "catch.h"
#include "core/base/error.h"
#include "core/growth/execute.h"
#include "core/model/init.h"
#include "support/tiny_model.h"

using namespace espalier;
using namespace espalier::growth;

namespace {

constexpr auto kLike = static_cast<uint32_t>(Moments::like_gradient);
const std::string kUp = "layers.0.mlp.up.weight", kDown = "layers.0.mlp.down.weight";

ParamTable in_double(const ModelSpec& spec) {
  return init_params(spec, 1, 0.5, spec.num_layers).transformed([](const Param& p) { return p.value.to(at::kDouble); });
}

// Everything that is not built by hand stays as it is.
Grown grown_by(const ModelSpec& from, const ModelSpec& to, const ParamTable& params, const OptimState& state,
               const std::function<void(PlanBuilder&)>& assign, const std::vector<std::string>& by_hand) {
  PlanBuilder plan(from, to);
  assign(plan);
  for (const auto& info : param_infos(to))
    if (std::find(by_hand.begin(), by_hand.end(), info.name) == by_hand.end())
      plan.assign(
          info.name,
          info.shape == params.at(info.name).sizes().vec() ? plan.src(info.name, 0) : plan.full(info.shape, 0.0),
          static_cast<uint32_t>(Moments::zero));
  return execute(plan.finish("test"), to, params, state, 1, 0, "test");
}

// d/d(up, down) of |down gelu(up x) - y|^2, which knows nothing of this project.
std::pair<at::Tensor, at::Tensor> net_gradients(const at::Tensor& up, const at::Tensor& down) {
  at::manual_seed(5);
  const at::Tensor x = at::randn({up.size(1), 7}, at::kDouble), y = at::randn({down.size(0), 7}, at::kDouble);
  const at::Tensor a = up.detach().clone().set_requires_grad(true), b = down.detach().clone().set_requires_grad(true);
  (at::matmul(b, at::gelu(at::matmul(a, x))) - y).square().sum().backward();
  return {a.grad(), b.grad()};
}

double max_diff(const at::Tensor& a, const at::Tensor& b) {
  return (a - b).abs().max().item<double>();
}

}  // namespace

TEST_CASE("hidden units copied 2, 3, 1 and 1 times get the larger net's own gradient", "[growth][like_gradient]") {
  ModelSpec from = tiny_gpt2(1), to = from;
  from.d_ff = 4;
  to.d_ff = 7;
  const ParamTable params = in_double(from);
  const std::vector<int64_t> units{0, 1, 2, 3, 0, 1, 1};
  const std::vector<double> shares{1. / 2, 1. / 3, 1, 1, 1. / 2, 1. / 3, 1. / 3};
  const auto [up, down] = net_gradients(params.at(kUp), params.at(kDown));
  const OptimState state{{kUp, {up, up.square(), 1}}, {kDown, {down, down.square(), 1}}};
  const Grown grown = grown_by(
      from, to, params, state,
      [&](PlanBuilder& plan) {
        plan.assign(kUp, plan.gather(plan.src(kUp, 0), 0, units), kLike);
        plan.assign(kDown, plan.mul(plan.gather(plan.src(kDown, 0), 1, units), plan.data({1, 7}, shares)), kLike);
      },
      {kUp, kDown});
  const auto [large_up, large_down] = net_gradients(grown.params.at(kUp), grown.params.at(kDown));
  CHECK(large_up.abs().max().item<double>() > 1e-2);
  CHECK(max_diff(grown.state.at(kUp).exp_avg, large_up) < 1e-13);
  CHECK(max_diff(grown.state.at(kDown).exp_avg, large_down) < 1e-13);
  CHECK(at::allclose(grown.state.at(kUp).exp_avg_sq, large_up.square(), 1e-12, 0));
  CHECK(at::allclose(grown.state.at(kDown).exp_avg_sq, large_down.square(), 1e-12, 0));
  CHECK(grown.state.at(kUp).step == 1);
}

TEST_CASE("what the host finds is the dense pseudo-inverse of the plan's map", "[growth][like_gradient]") {
  ModelSpec from = tiny_gpt2(1);
  from.d_ff = 5;
  from.d_model = 4;
  from.num_heads = from.num_kv_heads = 2;
  from.head_dim = 2;
  ModelSpec to = from;
  to.d_ff = 8;
  to.d_model = 6;
  at::manual_seed(2);
  const at::Tensor a = at::randn({8, 5}, at::kDouble), b = at::randn({4, 6}, at::kDouble);
  const at::Tensor poor = at::cat({a.narrow(1, 0, 4), a.narrow(1, 0, 1) - a.narrow(1, 3, 1)}, 1);
  const auto data = [](PlanBuilder& p, const at::Tensor& t) {
    const at::Tensor flat = t.contiguous().view(-1);
    return p.data(t.sizes().vec(), {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()});
  };
  const std::vector<int64_t> rows{0, 1, 2, 3, 4, 1, 1, 4}, columns{3, 0, 1, 2, 2, 2};
  const at::Tensor row_index = at::tensor(rows, at::kLong), column_index = at::tensor(columns, at::kLong);
  const at::Tensor factors = at::randn({8, 6}, at::kDouble);
  struct Case {
    const char* name;
    std::function<NodeId(PlanBuilder&, NodeId)> build;
    std::function<at::Tensor(const at::Tensor&)> map;  // the same, linear, in ATen
  };
  const std::vector<Case> cases{
      {"copies times factors of each element",
       [&](PlanBuilder& p, NodeId w) { return p.mul(p.gather(p.gather(w, 0, rows), 1, columns), data(p, factors)); },
       [&](const at::Tensor& w) { return w.index_select(0, row_index).index_select(1, column_index) * factors; }},
      {"padded with constants, some old values left out",
       [&](PlanBuilder& p, NodeId w) {
         const NodeId part = p.lincomb({p.slice(w, 0, 1, 5), p.full({4, 4}, 3.0)}, {-2.0, 1.0});
         return p.concat(1, {p.concat(0, {part, p.gather(w, 0, {2, 2, 2, 3})}), p.normal({8, 2}, 0.1, "pad")});
       },
       [&](const at::Tensor& w) {
         const at::Tensor tall =
             at::cat({-2 * w.narrow(0, 1, 4), w.index_select(0, at::tensor({2, 2, 2, 3}, at::kLong))});
         return at::cat({tall, at::zeros({8, 2}, at::kDouble)}, 1);
       }},
      {"A W B",
       [&](PlanBuilder& p, NodeId w) {
         return p.matmul(data(p, a), p.matmul(w, data(p, b), false, false), false, false);
       },
       [&](const at::Tensor& w) { return at::matmul(at::matmul(a, w), b); }},
      {"A W B with columns of A that depend on each other",
       [&](PlanBuilder& p, NodeId w) {
         return p.matmul(data(p, poor), p.matmul(w, data(p, b), false, false), false, false);
       },
       [&](const at::Tensor& w) { return at::matmul(at::matmul(poor, w), b); }},
      {"transposed products, turned and scaled",
       [&](PlanBuilder& p, NodeId w) {
         const NodeId wide = p.matmul(data(p, b), w, true, true);                             // B^T W^T, [6, 5]
         const NodeId tall = p.matmul(p.permute(wide, {1, 0}), data(p, a.t()), true, false);  // [6, 8]
         return p.lincomb({p.permute(tall, {1, 0}), p.full({8, 6}, 1.0)}, {0.5, 2.0});
       },
       [&](const at::Tensor& w) { return 0.5 * at::matmul(at::matmul(a, w), b); }},
      {"a product around copies",
       [&](PlanBuilder& p, NodeId w) { return p.matmul(data(p, a), p.gather(w, 1, columns), false, false); },
       [&](const at::Tensor& w) { return at::matmul(a, w.index_select(1, column_index)); }},
  };
  for (const Case& test : cases) {
    INFO(test.name);
    std::vector<at::Tensor> basis;
    for (int64_t i = 0; i < 20; ++i) {
      at::Tensor one = at::zeros({20}, at::kDouble);
      one[i].fill_(1.0);
      basis.push_back(test.map(one.view({5, 4})).flatten());
    }
    const at::Tensor dual = at::linalg_pinv(at::stack(basis, 1)).t();  // [48, 20]
    const at::Tensor g = at::randn({5, 4}, at::kDouble), v = at::rand({5, 4}, at::kDouble);
    const Grown grown =
        grown_by(from, to, in_double(from), {{kUp, {g, v, 3}}},
                 [&](PlanBuilder& plan) { plan.assign(kUp, test.build(plan, plan.src(kUp, 0)), kLike); }, {kUp});
    const AdamMoments& moments = grown.state.at(kUp);
    CHECK(max_diff(moments.exp_avg.flatten(), at::matmul(dual, g.flatten())) < 1e-12);
    CHECK(max_diff(moments.exp_avg_sq.flatten(), at::matmul(dual.square(), v.flatten())) < 1e-12);
    CHECK(moments.exp_avg.is_contiguous());
  }
}

TEST_CASE("a given gradient is taken; a mixture without one is refused when the plan is made",
          "[growth][like_gradient]") {
  const ModelSpec spec = tiny_llama(2);
  const ParamTable params = in_double(spec);
  const std::string other = "layers.1.mlp.up.weight";
  const at::Tensor g = at::randn({48, 32}, at::kDouble), v = at::rand({48, 32}, at::kDouble);
  const OptimState state{{kUp, {g, v, 4}}, {other, {2 * g, 3 * v, 4}}};
  const auto mixed = [](PlanBuilder& plan) {
    return plan.lincomb({plan.src(kUp, 0), plan.src("layers.1.mlp.up.weight", 0)}, {0.5, 0.5});
  };
  const Grown grown =
      grown_by(spec, spec, params, state,
               [&](PlanBuilder& plan) {
                 plan.assign(kUp, mixed(plan), kLike);
                 plan.assign_moment(kUp, 3, plan.lincomb({plan.src(kUp, 0), plan.src(other, 0)}, {3.0, -1.0}));
               },
               {kUp});
  CHECK(max_diff(grown.state.at(kUp).exp_avg, 3 * g - 2 * g) < 1e-14);
  CHECK(max_diff(grown.state.at(kUp).exp_avg_sq, 9 * v + 3 * v) < 1e-14);

  const auto refusal = [&](const std::function<void(PlanBuilder&)>& assign) {
    try {
      grown_by(spec, spec, params, state, assign, {kUp});
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::plugin);
      return error.message();
    }
    return std::string("no error");
  };
  using Catch::Contains;
  CHECK_THAT(refusal([&](PlanBuilder& p) { p.assign(kUp, mixed(p), kLike); }),
             Contains(kUp) && Contains("mixes old values"));
  CHECK_THAT(refusal([&](PlanBuilder& p) {
               p.assign(kUp, p.mul(p.src(kUp, 0), p.src(other, 0)), kLike);
               p.assign_moment(kUp, 3, p.src(kUp, 0));
             }),
             Contains("no error"));
  CHECK_THAT(refusal([&](PlanBuilder& p) {
               p.assign(kUp, p.src(kUp, 0), kLike);
               p.assign_moment(kUp, 3, p.mul(p.src(kUp, 0), p.src(other, 0)));
             }),
             Contains("gradient") && Contains("multiplies two old ones"));
  CHECK_THAT(refusal([&](PlanBuilder& p) {
               p.assign(kUp, p.src(kUp, 0), static_cast<uint32_t>(Moments::map));
               p.assign_moment(kUp, 3, p.src(kUp, 0));
             }),
             Contains("not the policy like_gradient"));
  CHECK_THAT(refusal([&](PlanBuilder& p) {
               p.assign(kUp, p.src(kUp, 0), kLike);
               p.assign_moment(kUp, 3, p.src("embed.weight", 0));
             }),
             Contains("gradient [61, 32]"));
  CHECK_THAT(refusal([&](PlanBuilder& p) { p.assign(kUp, p.src(kUp, 0), 4); }), Contains("4 is no moment policy"));
}
