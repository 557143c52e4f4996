// The C++ plan builder: operators become nodes, and a host that lacks a slot is named with the minor it needs.
#include <espalier/cpp/plan.hpp>

#include <cstddef>
#include <cstring>

#include "catch.h"
#include "sdk/fake_host.h"
#include "sdk/fake_plan.h"

namespace sdk = espalier::sdk;
using namespace espalier::sdk_test;
using Catch::Matchers::Contains;

namespace {

struct Bench {
  Bench() : model(2), arch(model.raw()), fake(model), host_view(host.raw()) { model.label_layers({1, 2}); }

  FakeHost host;
  ToyModel model;
  sdk::Arch arch;
  FakePlan fake;
  sdk::Host host_view;
};

}  // namespace

TEST_CASE("expressions become the nodes that they read like", "[sdk][plan]") {
  Bench bench;
  const sdk::Plan plan(bench.host_view, bench.fake.raw());
  const sdk::Expr a = plan.src(bench.arch.find(0, "mlp.up", "weight"));
  const sdk::Expr b = plan.src(bench.arch.find(1, "mlp.up", "weight"), sdk::What::kExpAvg);
  CHECK(bench.fake.last_node().ints == std::vector<std::int64_t>{ESP_WHAT_EXP_AVG});

  CHECK(bench.fake.node((a + b).id()).marker == 3);
  CHECK(bench.fake.node((a - b).id()).marker == -1);
  CHECK(bench.fake.node((0.5 * (a + b)).id()).marker == 1.5);
  CHECK(bench.fake.node(plan.lincomb({a, b}, {2.0, 10.0}).id()).marker == 22);
  CHECK(bench.fake.node((a * b).id()).op == "mul");

  a.gather(1, {0, 1, 0});
  CHECK(bench.fake.last_node().op == "gather");
  CHECK(bench.fake.last_node().ints == std::vector<std::int64_t>{1, 0, 1, 0});
  a.slice(0, 1, 3);
  CHECK(bench.fake.last_node().ints == std::vector<std::int64_t>{0, 1, 3});
  a.permute({1, 0});
  CHECK(bench.fake.last_node().ints == std::vector<std::int64_t>{1, 0});
  a.reshape({6});
  CHECK(bench.fake.last_node().ints == std::vector<std::int64_t>{6});
  plan.concat(1, {a, b});
  CHECK(bench.fake.last_node().inputs == std::vector<esp_expr>{a.id(), b.id()});
  plan.matmul(a, b, false, true);
  CHECK(bench.fake.last_node().ints == std::vector<std::int64_t>{0, 1});
  const sdk::Expr weights = plan.learned("depth", plan.data({2}, {0.25, 0.75}));
  CHECK(bench.fake.last_node().text == "depth");
  plan.wsum(weights, {a, b});
  CHECK(bench.fake.last_node().inputs == std::vector<esp_expr>{weights.id(), a.id(), b.id()});
  plan.normal({2, 3}, 0.02, "init");
  CHECK(bench.fake.last_node().ints == std::vector<std::int64_t>{2, 3});
  CHECK(bench.fake.last_node().numbers == std::vector<double>{0.02});
}

TEST_CASE("custom moments are given for both tensors", "[sdk][plan]") {
  Bench bench;
  const sdk::Plan plan(bench.host_view, bench.fake.raw());
  const sdk::Param& param = bench.arch.find(0, "norm1", "weight");
  plan.assign(param, plan.src(param), sdk::Moments::kCustom);
  plan.assign_moment(param, sdk::What::kExpAvg, 0.5 * plan.src(param, sdk::What::kExpAvg));
  plan.assign_moment(param, sdk::What::kExpAvgSq, 0.25 * plan.src(param, sdk::What::kExpAvgSq));
  const FakePlan::Assignment& assignment = bench.fake.assignments().at("layers.0.norm1.weight");
  CHECK(assignment.moments == ESP_MOMENTS_CUSTOM);
  CHECK(bench.fake.node(assignment.custom.at(ESP_WHAT_EXP_AVG)).marker == 0.5);
  CHECK(bench.fake.node(assignment.custom.at(ESP_WHAT_EXP_AVG_SQ)).marker == 0.25);
}

TEST_CASE("moments like gradients may come with the gradient's expression, and need a host that knows them",
          "[sdk][plan]") {
  static_assert(ESP_MOMENTS_LIKE_GRADIENT == 3 && ESP_WHAT_GRADIENT == 3, "part of the ABI");
  Bench bench;
  const sdk::Plan plan(bench.host_view, bench.fake.raw());
  const sdk::Param& param = bench.arch.find(0, "norm1", "weight");
  plan.assign(param, plan.src(param), sdk::Moments::kLikeGradient);
  plan.assign_gradient(param, 0.5 * plan.src(param));
  const FakePlan::Assignment& assignment = bench.fake.assignments().at("layers.0.norm1.weight");
  CHECK(assignment.moments == ESP_MOMENTS_LIKE_GRADIENT);
  CHECK(bench.fake.node(assignment.custom.at(ESP_WHAT_GRADIENT)).marker == 0.5);

  FakeHost older;
  older.table().abi_minor = sdk::kMinorOfLikeGradient - 1;
  const sdk::Host view(older.raw());
  const sdk::Plan refused(view, bench.fake.raw());
  CHECK_THROWS_WITH(
      refused.assign(bench.arch.find(1, "norm1", "weight"), refused.src(param), sdk::Moments::kLikeGradient),
      Contains("needs host minor 3"));
}

TEST_CASE("a refusal of the host becomes an Error that names the operation", "[sdk][plan]") {
  Bench bench;
  const sdk::Plan plan(bench.host_view, bench.fake.raw());
  const ToyModel larger(3);
  const sdk::Arch larger_arch(larger.raw());
  CHECK_THROWS_WITH(plan.src(larger_arch.find(2, "norm1", "weight")), Contains("plan.src"));
  const sdk::Param& param = bench.arch.find(0, "norm1", "weight");
  plan.assign(param, plan.src(param), sdk::Moments::kMap);
  CHECK_THROWS_WITH(plan.assign(param, plan.src(param), sdk::Moments::kMap), Contains("plan.assign"));
  CHECK_THROWS_WITH(plan.data({2, 2}, {1.0}), Contains("plan.data"));
  CHECK_THROWS_WITH(plan.lincomb({plan.src(param)}, {1.0, 2.0}), Contains("plan.lincomb"));
  CHECK_THROWS_WITH(bench.arch.find(7, "norm1", "weight"), Contains("layer 7 norm1.weight"));
}

TEST_CASE("a missing slot is named with the host minor that has it", "[sdk][plan]") {
  Bench bench;
  bench.fake.table().learned = nullptr;
  const sdk::Plan plan(bench.host_view, bench.fake.raw());
  const sdk::Expr zero = plan.full({2}, 0.0);
  CHECK_THROWS_WITH(plan.learned("w", zero), Contains("plan.learned") && Contains("needs host minor 1"));
  try {
    plan.learned("w", zero);
  } catch (const sdk::Error& error) {
    CHECK(error.code() == ESP_UNIMPLEMENTED);
  }
}

TEST_CASE("slots beyond the host's struct_size are absent, whatever lies there", "[sdk][plan]") {
  Bench bench;
  esp_plan& table = bench.fake.table();
  table.struct_size = offsetof(esp_plan, matmul);
  std::memset(reinterpret_cast<char*>(&table) + table.struct_size, 0xA5, sizeof(table) - table.struct_size);
  const sdk::Plan plan(bench.host_view, bench.fake.raw());
  const sdk::Expr one = plan.full({2, 2}, 1.0);
  CHECK_THROWS_WITH(plan.matmul(one, one), Contains("needs host minor 1"));
  CHECK_THROWS_WITH(plan.assign(bench.arch.find(0, "norm1", "weight"), one, sdk::Moments::kZero),
                    Contains("plan.assign"));
}

TEST_CASE("an architecture shows its parameters by place", "[sdk][arch]") {
  Bench bench;
  CHECK(bench.arch.num_layers() == 2);
  CHECK(bench.arch.is(ESP_ARCH_BIAS));
  CHECK_FALSE(bench.arch.is(ESP_ARCH_TIED));
  const sdk::Param& up = bench.arch.find(1, "mlp.up", "weight");
  CHECK(up.name() == "layers.1.mlp.up.weight");
  CHECK(up.leaf() == "weight");
  CHECK(up.in_block());
  CHECK(std::vector<std::int64_t>(up.shape().begin(), up.shape().end()) == std::vector<std::int64_t>{3, 2});
  CHECK(up.axis(0) == "d_ff");
  CHECK(up.axis(1) == "d_model");
  CHECK(bench.arch.find_like(up, 0).name() == "layers.0.mlp.up.weight");
  CHECK_FALSE(bench.arch.find(-1, "embed", "weight").in_block());
}
