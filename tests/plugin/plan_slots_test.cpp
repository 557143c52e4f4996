#include "core/plugin/plan_slots.h"

#include "catch.h"
#include "tests/plugin/support.h"

using Catch::Contains;
using espalier::ModelSpec;
using espalier::growth::Moments;
using espalier::growth::Op;
using espalier::plugin::ArchView;
using espalier::plugin::PlanSlots;
using namespace espalier::test;

namespace {

ModelSpec tiny(int64_t num_layers) {
  ModelSpec spec;
  spec.num_layers = num_layers;
  spec.d_model = 4;
  spec.num_heads = spec.num_kv_heads = 2;
  spec.head_dim = 2;
  spec.d_ff = 6;
  spec.vocab_size = 5;
  spec.seq_len = 3;
  return spec;
}

esp_str text(std::string_view value) {
  return {value.data(), value.size()};
}

}  // namespace

TEST_CASE("a model is shown with all its parameters", "[plugin][plan]") {
  ModelSpec spec = tiny(2);
  spec.norm = espalier::Norm::layernorm;
  spec.attention_bias = spec.mlp_bias = true;
  spec.tie_embeddings = false;
  const ArchView view(spec);
  const esp_arch& arch = *view.table();
  CHECK(arch.struct_size == sizeof(esp_arch));
  CHECK(arch.flags == (ESP_ARCH_LAYERNORM | ESP_ARCH_GATED_MLP | ESP_ARCH_BIAS));
  CHECK(arch.dims.d_ff == 6);
  CHECK(arch.dims.norm_eps == spec.norm_eps);
  const auto infos = espalier::param_infos(spec);
  REQUIRE(arch.num_params == infos.size());
  for (size_t i = 0; i < infos.size(); ++i) {
    const esp_param_info& shown = arch.params[i];
    CHECK(std::string(shown.name.data, shown.name.size) == infos[i].name);
    CHECK(std::string(shown.role.data, shown.role.size) == infos[i].role);
    CHECK(shown.layer == infos[i].layer);
    REQUIRE(static_cast<size_t>(shown.ndim) == infos[i].shape.size());
    for (size_t d = 0; d < infos[i].shape.size(); ++d) {
      CHECK(shown.shape[d] == infos[i].shape[d]);
      CHECK(std::string(shown.axes[d].data, shown.axes[d].size) == infos[i].axes[d]);
    }
  }
  CHECK(ArchView(tiny(1)).table()->flags == (ESP_ARCH_GATED_MLP | ESP_ARCH_TIED));
}

TEST_CASE("every slot of the builder makes its node", "[plugin][plan]") {
  PlanSlots slots(tiny(1), tiny(1));
  const esp_plan plan = slots.table();
  void* impl = plan.impl;
  CHECK(plan.learned != nullptr);
  const int64_t square[] = {4, 4}, flat[] = {16}, index[] = {3, 3, 0, 1};
  const int32_t swap[] = {1, 0};
  const double values[] = {0.25, 0.75}, coefs[] = {2.0, -1.0};
  const int64_t two[] = {2};
  const esp_expr q = plan.src(impl, text("layers.0.attn.q.weight"), ESP_WHAT_WEIGHT);
  const esp_expr ones = plan.full(impl, 2, square, 1.0);
  const esp_expr noise = plan.normal(impl, 2, square, 0.02, text("noise"));
  const esp_expr weights = plan.data(impl, 1, two, values);
  const esp_expr pair[] = {q, ones};
  const esp_expr sum = plan.lincomb(impl, 2, pair, coefs);
  const esp_expr mixed = plan.wsum(impl, weights, 2, pair);
  const esp_expr product = plan.matmul(impl, sum, mixed, 1, 0);
  const esp_expr scaled = plan.mul(impl, product, noise);
  const esp_expr picked = plan.gather(impl, scaled, 0, index, 4);
  const esp_expr halves[] = {plan.slice(impl, picked, 1, 0, 2), plan.slice(impl, picked, 1, 2, 4)};
  const esp_expr joined = plan.concat(impl, 1, 2, halves);
  const esp_expr turned = plan.permute(impl, joined, 2, swap);
  const esp_expr back = plan.reshape(impl, plan.reshape(impl, turned, 1, flat), 2, square);
  REQUIRE(slots.problem().empty());
  CHECK(back != 0);
  for (const auto& info : espalier::param_infos(tiny(1))) {
    const bool is_q = info.name == "layers.0.attn.q.weight";
    const esp_expr value = is_q ? back : plan.src(impl, text(info.name), ESP_WHAT_WEIGHT);
    CHECK(plan.assign(impl, text(info.name), value, is_q ? ESP_MOMENTS_CUSTOM : ESP_MOMENTS_MAP) == ESP_OK);
  }
  for (const uint32_t what : {ESP_WHAT_EXP_AVG, ESP_WHAT_EXP_AVG_SQ})
    CHECK(plan.assign_moment(impl, text("layers.0.attn.q.weight"), what,
                             plan.src(impl, text("layers.0.attn.q.weight"), what)) == ESP_OK);
  CHECK(plan.expect_preserving(impl, 1e-3) == ESP_OK);
  const auto made = slots.finish("x");
  CHECK(made.preserving_tol == 1e-3);
  CHECK(made.node(product).dim == 1);
  CHECK(made.node(picked).ints == std::vector<int64_t>{3, 3, 0, 1});
  CHECK(made.node(turned).op == Op::permute);
  CHECK(made.assignments.at("layers.0.attn.q.weight").moments == Moments::custom);
}

TEST_CASE("the first failure of a plan is kept and everything after it is refused", "[plugin][plan]") {
  PlanSlots slots(tiny(1), tiny(1));
  const esp_plan plan = slots.table();
  const int64_t size[] = {2};
  CHECK(plan.src(plan.impl, {nullptr, 5}, 0) == 0);
  CHECK_THAT(slots.problem(), Contains("src: gave a parameter name of 5 bytes at a null pointer"));
  CHECK(plan.full(plan.impl, 1, size, 1.0) == 0);
  CHECK(plan.assign(plan.impl, text("embed.weight"), 1, 0) != ESP_OK);
  const auto error = error_of([&] { slots.finish("org.example.x"); });
  CHECK(error.code() == espalier::ErrorCode::plugin);
  CHECK(error.place() == "org.example.x");
  CHECK_THAT(error.message(), Contains("src: gave a parameter name"));
}

TEST_CASE("arguments that would read outside of memory are refused", "[plugin][plan]") {
  const int64_t sizes[] = {1 << 20, 1 << 20, 1 << 20, 1 << 20};
  const int64_t negative[] = {-5, -5};
  const double one = 1;
  const auto problem = [](const std::function<void(const esp_plan&)>& body) {
    PlanSlots slots(tiny(1), tiny(1));
    body(slots.table());
    return slots.problem();
  };
  CHECK_THAT(problem([&](const esp_plan& p) { p.data(p.impl, 4, sizes, &one); }), Contains("too large"));
  CHECK_THAT(problem([&](const esp_plan& p) { p.data(p.impl, 2, negative, &one); }), Contains("-5"));
  CHECK_THAT(problem([&](const esp_plan& p) { p.data(p.impl, 1, sizes, nullptr); }), Contains("null pointer"));
  CHECK_THAT(problem([&](const esp_plan& p) { p.full(p.impl, 100, sizes, 1); }), Contains("100 dimensions"));
  CHECK_THAT(problem([&](const esp_plan& p) { p.full(p.impl, 1, nullptr, 1); }), Contains("null pointer"));
  CHECK_THAT(problem([&](const esp_plan& p) { p.lincomb(p.impl, 2, nullptr, &one); }), Contains("terms"));
  CHECK_THAT(problem([&](const esp_plan& p) { p.permute(p.impl, 1, -1, nullptr); }), Contains("-1 dimensions"));
  CHECK(problem([](const esp_plan& p) { CHECK(p.mul(nullptr, 1, 1) == 0); }).empty());
}

TEST_CASE("moments like gradients come through the table, with the gradient's expression or without",
          "[plugin][plan]") {
  for (const bool given : {true, false}) {
    PlanSlots slots(tiny(1), tiny(1));
    const esp_plan plan = slots.table();
    for (const auto& info : espalier::param_infos(tiny(1))) {
      const esp_expr old = plan.src(plan.impl, text(info.name), ESP_WHAT_WEIGHT);
      CHECK(plan.assign(plan.impl, text(info.name), old, ESP_MOMENTS_LIKE_GRADIENT) == ESP_OK);
      if (given) CHECK(plan.assign_moment(plan.impl, text(info.name), ESP_WHAT_GRADIENT, old) == ESP_OK);
    }
    const auto made = slots.finish("x");
    for (const auto& [name, slot] : made.assignments) {
      CHECK(slot.moments == Moments::like_gradient);
      CHECK(slot.gradient == (given ? slot.value : 0));
    }
  }
}

TEST_CASE("a constant that no parameter can hold is named", "[plugin][plan]") {
  PlanSlots slots(tiny(1), tiny(1));
  const esp_plan plan = slots.table();
  const int64_t size[] = {4};
  CHECK(plan.full(plan.impl, 1, size, 1e300) == 0);
  CHECK(error_of([&] { slots.finish("x"); }).message() ==
        "the growth plan is invalid: full: the value 1e+300 does not fit a 32-bit number");
}
