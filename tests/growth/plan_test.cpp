#include <set>

#include "catch.h"
#include "core/base/error.h"
#include "core/growth/plan.h"
#include "support/tiny_model.h"

using namespace espalier;
using namespace espalier::growth;

namespace {

// Copies layer `source[i]` into layer i.
Plan stacked(const ModelSpec& from, const ModelSpec& to, const std::vector<int>& source,
             Moments moments = Moments::map) {
  PlanBuilder plan(from, to);
  for (const auto& info : param_infos(to)) {
    std::string old = info.name;
    if (info.layer >= 0)
      old = "layers." + std::to_string(source[static_cast<size_t>(info.layer)]) + old.substr(old.find('.', 7));
    plan.assign(info.name, plan.src(old, 0), static_cast<uint32_t>(moments));
  }
  return plan.finish("test");
}

std::string finish_error(PlanBuilder& plan) {
  try {
    plan.finish("org.example.growth");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::plugin);
    CHECK(error.place() == "org.example.growth");
    return error.message();
  }
  return "";
}

}  // namespace

TEST_CASE("shapes are inferred at every node", "[growth][plan]") {
  PlanBuilder plan(tiny_llama(), tiny_llama(3));
  const auto q = plan.src("layers.0.attn.q.weight", 0);   // [32, 32]
  const auto up = plan.src("layers.0.mlp.up.weight", 0);  // [48, 32]
  CHECK(plan.matmul(up, q, false, true) != 0);
  CHECK(plan.gather(up, 0, {1, 1, 5}) != 0);
  const auto wide = plan.concat(1, {up, plan.full({48, 8}, 0.0)});
  CHECK(plan.slice(wide, 1, 30, 40) != 0);
  CHECK(plan.reshape(plan.permute(up, {1, 0}), {16, 96}) != 0);
  CHECK(plan.wsum(plan.data({2}, {0.5, 0.5}), {q, q}) != 0);
  CHECK(plan.mul(up, plan.data({1, 32}, std::vector<double>(32, 2.0))) != 0);
  CHECK(plan.problem().empty());
}

TEST_CASE("the first failure is kept, named and thrown with the plugin's id", "[growth][plan]") {
  const ModelSpec from = tiny_llama(), to = tiny_llama(3);
  const auto broken = [&](auto&& act) {
    PlanBuilder plan(from, to);
    act(plan);
    return finish_error(plan);
  };
  using Catch::Contains;
  CHECK_THAT(broken([](PlanBuilder& p) { p.src("layers.0.attn.qq.weight", 0); }),
             Contains("attn.qq") && Contains("did you mean"));
  CHECK_THAT(broken([](PlanBuilder& p) { p.assign("layers.2.norm1.weight", p.src("embed.weight", 0), 0); }),
             Contains("[32]") && Contains("[61, 32]"));
  CHECK_THAT(broken([](PlanBuilder& p) { p.gather(p.src("embed.weight", 0), 0, {61}); }), Contains("index 61"));
  CHECK_THAT(broken([](PlanBuilder& p) { p.matmul(p.src("embed.weight", 0), p.src("embed.weight", 0), false, false); }),
             Contains("do not meet"));
  CHECK_THAT(broken([](PlanBuilder& p) {
               p.concat(0, {p.src("embed.weight", 0), p.src("layers.0.attn.k.weight", 0), 99});
             }),
             Contains("99"));
  CHECK_THAT(broken([](PlanBuilder& p) { p.assign("lm_head.weight", p.src("embed.weight", 0), 0); }), Contains("tied"));
  CHECK_THAT(broken([](PlanBuilder& p) {
               p.assign("embed.weight", p.src("embed.weight", 0), 0);
               p.assign("embed.weight", p.src("embed.weight", 0), 0);
             }),
             Contains("twice"));
  CHECK_THAT(broken([](PlanBuilder&) {}), Contains("assigns nothing"));
  CHECK_THAT(broken([](PlanBuilder& p) { p.assign("embed.weight", p.src("embed.weight", 0), 2); }),
             Contains("custom moments") || Contains("assigns nothing"));
  CHECK_THAT(broken([](PlanBuilder& p) { p.full({0}, 1); }), Contains("full"));
  CHECK_THAT(broken([](PlanBuilder& p) { p.expect_preserving(-1); }), Contains("tolerance"));
}

TEST_CASE("the hash tells plans apart and repeats itself", "[growth][plan]") {
  const ModelSpec from = tiny_llama(2), to = tiny_llama(4);
  const std::string hash = plan_hash(stacked(from, to, {0, 1, 0, 1}));
  CHECK(hash.size() == 64);
  CHECK(hash == plan_hash(stacked(from, to, {0, 1, 0, 1})));
  CHECK(hash != plan_hash(stacked(from, to, {0, 0, 1, 1})));
  CHECK(hash != plan_hash(stacked(from, to, {0, 1, 0, 1}, Moments::zero)));
}

TEST_CASE("the record names what each parameter is made of, and its price", "[growth][plan]") {
  const ModelSpec from = tiny_llama(2), to = tiny_llama(3);
  const Plan copy = stacked(from, to, {0, 1, 1});
  const auto sources = plan_sources(copy);
  CHECK(sources.at("layers.2.mlp.up.weight") == std::vector<std::string>{"layers.1.mlp.up.weight"});
  CHECK(plan_flops(copy) == 0);
  PlanBuilder plan(from, from);
  const auto q = plan.src("layers.0.attn.q.weight", 0);
  for (const auto& info : param_infos(from))
    plan.assign(info.name,
                info.name == "layers.0.attn.q.weight" ? plan.matmul(q, q, true, false) : plan.src(info.name, 0), 0);
  CHECK(plan_flops(plan.finish("test")) == 2.0 * 32 * 32 * 32);
}
