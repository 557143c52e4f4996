// LiGO against its own formulas (Wang et al. 2023, section 3): each expectation is computed here with whole matrices
// B = [I ; R] and sums over layers, apart from the plugin's plan.
#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <functional>
#include <set>

#include "catch.h"
#include "core/model/init.h"
#include "core/train/operator_phase.h"
#include "methods/method.h"
#include "support/product_counter.h"
#include "support/tiny_model.h"

using namespace espalier;
using namespace espalier::test;

namespace {

ModelSpec larger(ModelSpec spec) {
  spec.num_layers = 5;
  spec.d_model = 56;
  spec.num_heads = 6;
  spec.num_kv_heads = spec.num_kv_heads == 4 ? 6 : 3;
  spec.d_ff = 80;
  return spec;
}

struct Learned {
  growth::Plan plan;
  growth::Leaves leaves;
};

// The plan and its leaves moved away from where they start, so that a wrong operator shows.
Learned learned_plan(const Model& from, const ModelSpec& to, Settings settings) {
  settings.insert_or_assign("num_layers", std::vector<int64_t>{from.spec.num_layers});
  auto ligo = make_method("ligo", settings);
  Learned out{ligo.strategy->plan(from.spec, to), {}};
  out.leaves = growth::initial_leaves(out.plan, from.params, 7, 0);
  at::manual_seed(3);
  for (auto& [name, leaf] : out.leaves) leaf = leaf + 0.1 * at::randn_like(leaf);
  return out;
}

Model fold(const Learned& learned, const Model& from, const ModelSpec& to) {
  growth::Grown grown = growth::execute(learned.plan, to, from.params, from.state, 7, 0, "ligo", learned.leaves);
  return {to, std::move(grown.params), std::move(grown.state)};
}

// [I ; R], or the identity where nothing grows.
at::Tensor whole(const growth::Leaves& leaves, const std::string& name, int64_t size) {
  const auto found = leaves.find(name);
  const at::Tensor identity = at::eye(size, at::kDouble);
  return found == leaves.end() ? identity : at::cat({identity, found->second}, 0);
}

std::string operator_name(const ParamInfo& info, size_t dim, bool grouped) {
  if (info.axes[dim] == "d_model") return "width.e";
  if (info.axes[dim] == "d_ff") return "width.f";
  const std::string inner = info.role.substr(info.role.rfind('.') + 1);
  return "width." + (inner == "o" && !grouped ? "v" : inner);
}

std::string in_layer(const ParamInfo& info, int64_t layer) {
  return "layers." + std::to_string(layer) + info.name.substr(info.name.find('.', 7));
}

// Width first, then depth: W'_l = sum_j D[l, j] B_out W_j B_in^T.
at::Tensor expected(const ParamInfo& info, const Model& from, const growth::Leaves& leaves, bool grouped) {
  const auto widen = [&](const at::Tensor& w) {
    at::Tensor out = at::matmul(whole(leaves, operator_name(info, 0, grouped), w.size(0)), w);
    if (info.axes[0] == "vocab" || info.axes[0] == "seq") out = w;
    if (w.dim() == 2) out = at::matmul(out, whole(leaves, operator_name(info, 1, grouped), w.size(1)).t());
    return out;
  };
  if (info.layer < 0) return widen(from.params.at(info.name));
  const std::string leaf = info.name.substr(info.name.rfind('.') + 1);
  const at::Tensor& depth = leaves.at("depth." + info.role + "." + leaf);
  at::Tensor sum;
  for (int64_t j = 0; j < from.spec.num_layers; ++j) {
    const at::Tensor term = depth[info.layer][j] * widen(from.params.at(in_layer(info, j)));
    sum = sum.defined() ? sum + term : term;
  }
  return sum;
}

}  // namespace

TEST_CASE("every weight is the depth blend of the widened old ones, in either order", "[methods][ligo]") {
  for (const bool llama : {true, false}) {
    ModelSpec small = llama ? tiny_llama(2) : tiny_gpt2(2);
    small.tie_embeddings = llama;
    const ModelSpec to = larger(small);
    const Model from = random_model(small, 1);
    const Learned learned = learned_plan(from, to, {});
    const Model grown = fold(learned, from, to);
    for (const auto& param : grown.params)
      CHECK(max_diff(param.value, expected(param.info, from, learned.leaves, llama)) < 1e-12);
    CHECK((grown.params.find("lm_head.weight") == nullptr) == llama);
  }
}

TEST_CASE("the operators are tied and have (D - d) d and L2 L1 numbers", "[methods][ligo]") {
  const Model from = random_model(tiny_gpt2(2), 1);
  const ModelSpec to = larger(from.spec);
  const auto shapes = [&](const Settings& settings) {
    std::map<std::string, std::vector<int64_t>> out;
    for (const auto& [name, leaf] : learned_plan(from, to, settings).leaves) out[name] = leaf.sizes().vec();
    return out;
  };
  std::map<std::string, std::vector<int64_t>> widths;
  int64_t depths = 0;
  for (const auto& [name, shape] : shapes({})) {
    if (name.starts_with("width.")) widths[name] = shape;
    if (name.starts_with("depth.")) {
      CHECK(shape == std::vector<int64_t>{5, 2});
      ++depths;
    }
  }
  CHECK(widths == std::map<std::string, std::vector<int64_t>>{{"width.e", {24, 32}},
                                                              {"width.q", {16, 32}},
                                                              {"width.k", {16, 32}},
                                                              {"width.v", {16, 32}},
                                                              {"width.f", {32, 48}}});
  CHECK(depths == 16);  // q k v o up down and two norms, each with weight and bias
}

// Which parameters an operator touches is found by moving it, and held against the table of the authors' code (ligo.py,
// create_ligo_from_model): every large layer has operators of its own for queries, keys, values and the FFN; the
// value's is also on the inputs of the attention's output, the FFN's on both sides of the FFN; one g_e is on all the
// rest.
TEST_CASE("per_layer ties what the authors' code ties", "[methods][ligo]") {
  const Model from = random_model(tiny_gpt2(2), 1);
  const ModelSpec to = larger(from.spec);
  const Learned learned = learned_plan(from, to, {{"tying", "per_layer"}});
  const Model base = fold(learned, from, to);
  std::set<std::set<std::string>> touched;
  for (const auto& [name, leaf] : learned.leaves) {
    if (name.starts_with("depth.")) continue;
    Learned moved = learned;
    moved.leaves[name] = leaf + 0.1;
    std::set<std::string> changed;
    for (const auto& param : fold(moved, from, to).params)
      if (!param.value.equal(base.params.at(param.info.name))) changed.insert(param.info.name);
    touched.insert(changed);
  }
  std::set<std::set<std::string>> expected;
  std::set<std::string> on_the_stream{"embed.weight", "pos_embed.weight", "final_norm.weight", "final_norm.bias"};
  for (int layer = 0; layer < 5; ++layer) {
    const std::string at = "layers." + std::to_string(layer) + ".";
    const auto with = [&](const std::vector<std::string>& names) {
      std::set<std::string> out;
      for (const std::string& name : names) out.insert(at + name);
      return out;
    };
    expected.insert(with({"attn.q.weight", "attn.q.bias"}));
    expected.insert(with({"attn.k.weight", "attn.k.bias"}));
    expected.insert(with({"attn.v.weight", "attn.v.bias", "attn.o.weight"}));
    expected.insert(with({"mlp.up.weight", "mlp.up.bias", "mlp.down.weight"}));
    for (const std::string& name :
         with({"attn.q.weight", "attn.k.weight", "attn.v.weight", "attn.o.weight", "attn.o.bias", "mlp.up.weight",
               "mlp.down.weight", "mlp.down.bias", "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias"}))
      on_the_stream.insert(name);
  }
  expected.insert(on_the_stream);
  CHECK(touched == expected);
}

TEST_CASE("the noise of depth coefficients does not fall on the 1, as in the authors' code", "[methods][ligo]") {
  // With noise of up to 1000 the others are hundreds of times the 1 before the row is normalised; added to the 1, the
  // noise would make them all alike.
  auto ligo = make_method("ligo", {{"num_layers", std::vector<int64_t>{2}}, {"depth_noise", 1000.0}});
  const Model from = random_model(tiny_llama(2), 1);
  const growth::Plan plan = ligo.strategy->plan(from.spec, tiny_llama(6));
  std::vector<double> ratios;
  for (const auto& [name, leaf] : growth::initial_leaves(plan, from.params, 7, 0)) {
    CHECK(max_diff(leaf.sum(1), at::ones({6}, at::kDouble)) < 1e-12);
    for (int64_t l = 0; l < 6; ++l) ratios.push_back((leaf[l][1 - l % 2] / leaf[l][l % 2]).item<double>());
  }
  std::sort(ratios.begin(), ratios.end());
  CHECK(ratios[ratios.size() / 2] > 100);
  CHECK(ratios.back() < 1000);
}

TEST_CASE("zero width operators are zero on one side only, and every one of them learns", "[methods][ligo]") {
  for (const bool llama : {true, false}) {
    const Model from = random_model(llama ? tiny_llama(2) : tiny_gpt2(2), 1);
    ModelSpec to = larger(from.spec);
    to.num_layers = 2;
    auto ligo = make_method("ligo", {{"num_layers", std::vector<int64_t>{2}}, {"width_init", "zero"}});
    const growth::Plan plan = ligo.strategy->plan(from.spec, to);
    growth::Leaves leaves = growth::initial_leaves(plan, from.params, 7, 0);
    const growth::Leaves start = leaves;
    const at::Tensor tokens = random_tokens(from.spec, 3, 1);
    for (int step = 0; step < 3; ++step) {
      for (auto& [name, leaf] : leaves) leaf = leaf.detach().clone().set_requires_grad(true);
      const ParamTable large = growth::expand(plan, to, from.params, leaves, 7, 0);
      const int64_t n = tokens.size(1) - 1;
      forward_loss(to, large, tokens.narrow(1, 0, n), tokens.narrow(1, 1, n), StepShape::everything(to.num_layers),
                   ComputeType::fp64)
          .backward();
      const c10::NoGradGuard no_grad;
      for (auto& [name, leaf] : leaves)
        if (leaf.grad().defined()) leaf.sub_(leaf.grad(), 0.5);
    }
    int zeros = 0;
    for (const auto& [name, leaf] : leaves) {
      INFO(name << (llama ? " llama" : " gpt2"));
      zeros += start.at(name).count_nonzero().item<int64_t>() == 0;
      CHECK(max_diff(leaf.detach(), start.at(name)) > 1e-9);
      CHECK(leaf.detach().abs().amax(1).min().item<double>() > 0);  // no new unit is left at zero
    }
    CHECK(zeros >= 3);
  }
}

TEST_CASE("Kronecker: row-major vec(B_out W B_in^T) is (B_out kron B_in) vec(W)", "[methods][ligo]") {
  const Model from = random_model(tiny_llama(2), 1);
  ModelSpec to = larger(from.spec);
  to.num_layers = 2;
  const Learned learned = learned_plan(from, to, {});
  const Model grown = fold(learned, from, to);
  const at::Tensor& w = from.params.at("layers.1.mlp.down.weight");
  const at::Tensor out = whole(learned.leaves, "width.e", 32), in = whole(learned.leaves, "width.f", 48);
  const at::Tensor vec = at::matmul(at::kron(out, in), w.flatten());
  CHECK(max_diff(vec, grown.params.at("layers.1.mlp.down.weight").flatten()) < 1e-12);
}

TEST_CASE("without width and noise, LiGO starts as stacking or interleaving, bit for bit", "[methods][ligo]") {
  const Model from = random_model(tiny_llama(2), 1);
  const ModelSpec to = tiny_llama(6);
  for (const bool stack : {true, false}) {
    auto ligo = make_method("ligo", {{"num_layers", std::vector<int64_t>{2}},
                                     {"depth_noise", 0.0},
                                     {"depth_init", stack ? "stack" : "interleave"}});
    const Model grown = grow(*ligo.strategy, from, to);
    for (const auto& param : grown.params) {
      const int64_t layer = param.info.layer;
      const std::string old = layer < 0 ? param.info.name : in_layer(param.info, stack ? layer % 2 : layer * 2 / 6);
      CHECK(param.value.equal(from.params.at(old)));
    }
  }
}

TEST_CASE("a step that grows nothing is the identity and learns nothing", "[methods][ligo]") {
  const Model from = random_model(tiny_gpt2(2), 1);
  auto ligo = make_method("ligo", {{"num_layers", std::vector<int64_t>{2}}});
  CHECK_FALSE(ligo.strategy->plan(from.spec, from.spec).learning.has_value());
  const Model same = grow(*ligo.strategy, from, from.spec);
  for (const auto& param : same.params) CHECK(param.value.equal(from.params.at(param.info.name)));
}

TEST_CASE("zero width operators keep the function with RMSNorm, not with LayerNorm", "[methods][ligo]") {
  for (const bool llama : {true, false}) {
    const ModelSpec small = llama ? tiny_llama(2) : tiny_gpt2(2);
    ModelSpec to = small;
    to.d_model = 48;
    to.d_ff = 80;
    auto ligo = make_method("ligo", {{"d_model", std::vector<int64_t>{32}},
                                     {"d_ff", std::vector<int64_t>{48}},
                                     {"width_init", "zero"},
                                     {"scale_norms", llama}});
    Model from = random_model(small, 1);
    from.spec = ligo.strategy->stage_spec(to, 0);
    CHECK(from.spec.norm_eps == Approx(llama ? to.norm_eps * 48 / 32 : to.norm_eps));
    const at::Tensor tokens = random_tokens(small, 3, 1);
    const double moved = max_diff(logits(from, tokens), logits(grow(*ligo.strategy, from, to), tokens));
    if (llama)
      CHECK(moved < 1e-12);
    else
      CHECK(moved > 1e-2);
  }
}

TEST_CASE("the gradient through the expansion agrees with finite differences", "[methods][ligo]") {
  const Model from = random_model(tiny_llama(2), 1);
  const ModelSpec to = larger(from.spec);
  Learned learned = learned_plan(from, to, {});
  const at::Tensor tokens = random_tokens(from.spec, 2, 1);
  const auto loss_of = [&] {
    const Model large{to, growth::expand(learned.plan, to, from.params, learned.leaves, 7, 0), {}};
    const int64_t n = tokens.size(1) - 1;
    return forward_loss(to, large.params, tokens.narrow(1, 0, n), tokens.narrow(1, 1, n),
                        StepShape::everything(to.num_layers), ComputeType::fp64);
  };
  for (auto& [name, leaf] : learned.leaves) leaf = leaf.detach().set_requires_grad(true);
  loss_of().backward();
  const c10::NoGradGuard no_grad;
  for (const char* name : {"width.e", "width.q", "width.o", "width.f", "depth.mlp.up.weight", "depth.norm1.weight"}) {
    const at::Tensor& leaf = learned.leaves.at(name);
    const at::Tensor element = leaf.view(-1)[leaf.numel() / 2];
    constexpr double kStep = 1e-5;
    element.add_(kStep);
    const double above = loss_of().item<double>();
    element.sub_(2 * kStep);
    const double below = loss_of().item<double>();
    element.add_(kStep);
    const double exact = leaf.grad().view(-1)[leaf.numel() / 2].item<double>();
    CHECK(std::abs((above - below) / (2 * kStep) - exact) < 1e-7 * std::max(1.0, std::abs(exact)));
    CHECK(exact != 0);
  }
}

TEST_CASE("moments are fresh, or go through the operators", "[methods][ligo]") {
  const Model from = random_model(tiny_llama(2), 1);
  const ModelSpec to = larger(from.spec);
  CHECK(fold(learned_plan(from, to, {}), from, to).state.empty());
  const Learned learned = learned_plan(from, to, {{"moments", "map"}});
  const Model grown = fold(learned, from, to);
  // The map is linear: what it makes of m is what it makes of W + m less what it makes of W; the square of a
  // coefficient is seen by moving one old weight.
  const auto moved_by = [&](const std::function<at::Tensor(const Param&)>& change) {
    Model moved = from;
    moved.params = from.params.transformed([&](const Param& param) { return param.value + change(param); });
    return fold(learned, moved, to);
  };
  const Model by_moments = moved_by([&](const Param& param) { return from.state.at(param.info.name).exp_avg; });
  for (const auto& param : grown.params)
    CHECK(max_diff(grown.state.at(param.info.name).exp_avg, by_moments.params.at(param.info.name) - param.value) <
          1e-11);
  Model one = from;
  const std::string old = "layers.1.mlp.down.weight";
  for (auto& [name, moments] : one.state) moments.exp_avg_sq = at::zeros_like(moments.exp_avg_sq);
  one.state.at(old).exp_avg_sq[3][5].fill_(1.0);
  const Model squares = fold(learned, one, to);
  const Model by_one = moved_by([&](const Param& param) {
    at::Tensor change = at::zeros_like(param.value);
    if (param.info.name == old) change[3][5].fill_(1.0);
    return change;
  });
  for (const auto& param : grown.params)
    CHECK(max_diff(squares.state.at(param.info.name).exp_avg_sq,
                   (by_one.params.at(param.info.name) - param.value).square()) < 1e-11);
}

TEST_CASE("LiGO refuses what cannot be", "[methods][ligo]") {
  const ModelSpec to = larger(tiny_llama(2));
  const auto refused = [&](const Settings& settings) {
    return error_of([&] { make_method("ligo", settings).strategy->num_stages(to); });
  };
  CHECK_THAT(refused({{"num_layers", std::vector<int64_t>{9}}}), Catch::Contains("num_layers"));
  CHECK_THAT(refused({{"d_model", std::vector<int64_t>{64}}}), Catch::Contains("d_model"));
  CHECK_THAT(refused({{"num_layers", std::vector<int64_t>{2}}, {"steps", 5}, {"warmup", 6}}),
             Catch::Contains("warmup 6"));
}

TEST_CASE("an operator step costs what its formula says", "[methods][ligo][flops]") {
  for (const ModelSpec& from : {tiny_llama(2), tiny_gpt2(2)}) {
    const ModelSpec to = larger(from);
    const ParamTable small = init_params(from, 1, 0.02, 2);
    auto ligo = make_method("ligo", {{"num_layers", std::vector<int64_t>{2}}});
    OperatorPhase phase = begin_operator_phase(ligo.strategy->plan(from, to), to, 1, 0, small, 1, 0);
    const at::Tensor tokens = at::zeros({3, to.seq_len}, at::kLong);
    const ProductCounter counter;
    REQUIRE(operator_gradients(phase, small, 1, 0, [&](const ParamTable& large) {
      forward_loss(to, large, tokens, tokens, StepShape::everything(to.num_layers), ComputeType::fp32).backward();
      return true;
    }));
    CHECK(counter.flops() == Approx(operator_step_flops(phase.plan, to, 3 * to.seq_len)).epsilon(1e-12));
  }
}
