// A plan as text, against lines written by hand.
#include <functional>
#include <set>

#include "catch.h"
#include "core/base/control_characters.h"
#include "core/growth/plan_text.h"
#include "support/tiny_model.h"

using namespace espalier;
using namespace espalier::growth;
using Catch::Contains;

namespace {

std::string line_of(const Plan& plan, const std::string& start) {
  for (const std::string& line : plan_lines(plan))
    if (line.starts_with(start)) return line;
  return "";
}

// Layer 0 again above itself; what `change` does comes before the rest is filled in.
Plan grown(const std::function<void(PlanBuilder&, std::set<std::string>&)>& change) {
  const ModelSpec from = tiny_llama(1), to = tiny_llama(2);
  PlanBuilder plan(from, to);
  std::set<std::string> done;
  change(plan, done);
  for (const auto& info : param_infos(to)) {
    if (done.count(info.name) != 0) continue;
    const std::string old = info.layer < 0 ? info.name : "layers.0" + info.name.substr(info.name.find('.', 7));
    plan.assign(info.name, plan.src(old, 0), static_cast<uint32_t>(Moments::map));
  }
  return plan.finish("test");
}

}  // namespace

TEST_CASE("parameters of a layer that are made alike are one line", "[growth][plan][text]") {
  const Plan plan = grown([](PlanBuilder&, std::set<std::string>&) {});
  CHECK(plan_lines(plan) == std::vector<std::string>{"embed.weight = embed.weight | moments map",
                                                     "final_norm.weight = final_norm.weight | moments map",
                                                     "layers.0.* = layers.0.* | moments map (9 parameters)",
                                                     "layers.1.* = layers.0.* | moments map (9 parameters)"});
}

TEST_CASE("each operation is written as what it does", "[growth][plan][text]") {
  const std::string name = "layers.1.attn.q.weight";
  const auto written = [&](const std::function<NodeId(PlanBuilder&, NodeId)>& make, uint32_t moments = 1) {
    const Plan plan = grown([&](PlanBuilder& p, std::set<std::string>& done) {
      REQUIRE(p.assign(name, make(p, p.src("layers.0.attn.q.weight", 0)), moments));
      done.insert(name);
    });
    return line_of(plan, name);
  };
  const std::string q = "layers.0.attn.q.weight";
  CHECK(written([](PlanBuilder& p, NodeId a) {
          return p.lincomb({a, a}, {0.5, -0.25});
        }) == name + " = (0.5 * " + q + " + -0.25 * " + q + ") | moments map");
  CHECK(written([](PlanBuilder& p, NodeId a) { return p.matmul(a, a, true, false); }, 0) ==
        name + " = (" + q + "^T @ " + q + ") | moments zero");
  CHECK(written([](PlanBuilder& p, NodeId a) { return p.gather(a, 0, std::vector<int64_t>(32, 3)); }) ==
        name + " = gather(" + q + ", dim 0, [3, 3, 3, 3, ..., 3]) | moments map");
  CHECK(written([](PlanBuilder& p, NodeId a) {
          return p.concat(1, {p.slice(a, 1, 0, 16), p.full({32, 16}, 0.0)});
        }) == name + " = concat(slice(" + q + ", dim 1, 0:16), full([32, 16], 0), dim 1) | moments map");
  CHECK(written(
            [](PlanBuilder& p, NodeId a) {
              return p.permute(a, {1, 0});
            },
            0) == name + " = permute(" + q + ", [1, 0]) | moments zero");
  CHECK(written([](PlanBuilder& p, NodeId a) {
          return p.mul(a, p.normal({32, 32}, 0.02, "twin"));
        }) == name + " = mul(" + q + ", normal([32, 32], std 0.02, twin)) | moments map");
  CHECK(written([](PlanBuilder& p, NodeId a) {
          return p.wsum(p.data({2}, {0.5, 0.5}), {a, a});
        }) == name + " = wsum(data([2]); " + q + ", " + q + ") | moments map");
}

TEST_CASE("the rule of the moments is written with its own expressions", "[growth][plan][text]") {
  const std::string name = "layers.1.attn.q.weight", q = "layers.0.attn.q.weight";
  const Plan custom = grown([&](PlanBuilder& p, std::set<std::string>& done) {
    const NodeId first = p.src(q, static_cast<uint32_t>(What::exp_avg));
    const NodeId second = p.src(q, static_cast<uint32_t>(What::exp_avg_sq));
    REQUIRE(p.assign(name, p.src(q, 0), static_cast<uint32_t>(Moments::custom)));
    REQUIRE(p.assign_moment(name, 1, p.lincomb({first}, {0.5})));
    REQUIRE(p.assign_moment(name, 2, second));
    done.insert(name);
  });
  CHECK(line_of(custom, name) ==
        name + " = " + q + " | moments custom: exp_avg 0.5 * " + q + ".exp_avg, exp_avg_sq " + q + ".exp_avg_sq");
  const Plan as_gradient = grown([&](PlanBuilder& p, std::set<std::string>& done) {
    const NodeId old = p.src(q, 0);
    REQUIRE(p.assign(name, old, static_cast<uint32_t>(Moments::like_gradient)));
    REQUIRE(p.assign_moment(name, 3, p.lincomb({old}, {0.25})));
    done.insert(name);
  });
  CHECK(line_of(as_gradient, name) == name + " = " + q + " | moments like_gradient: gradient 0.25 * " + q);
}

TEST_CASE("layers follow each other as numbers", "[growth][plan][text]") {
  const ModelSpec from = tiny_llama(1), to = tiny_llama(12);
  PlanBuilder plan(from, to);
  for (const auto& info : param_infos(to))
    plan.assign(info.name,
                plan.src(info.layer < 0 ? info.name : "layers.0" + info.name.substr(info.name.find('.', 7)), 0),
                static_cast<uint32_t>(Moments::zero));
  const std::vector<std::string> lines = plan_lines(plan.finish("test"));
  REQUIRE(lines.size() == 14);
  CHECK(lines[2 + 2] == "layers.2.* = layers.0.* | moments zero (9 parameters)");
  CHECK(lines[2 + 10] == "layers.10.* = layers.0.* | moments zero (9 parameters)");
}

TEST_CASE("text is bounded and holds no control characters, whatever the plan", "[growth][plan][text]") {
  const std::string name = "layers.1.attn.q.weight";
  const Plan plan = grown([&](PlanBuilder& p, std::set<std::string>& done) {
    NodeId deep = p.normal({32, 32}, 0.02, "a\x1b[31mred\n\xC2\x9B" + std::string(1'000'000, 'x'));
    for (int i = 0; i < 100000; ++i) deep = p.lincomb({deep, deep}, {0.5, 0.5});
    p.assign(name, deep, 0);
    done.insert(name);
  });
  for (const std::string& line : plan_lines(plan)) {
    CHECK(line.size() < 2000);
    for (size_t i = 0; i < line.size(); ++i) CHECK(control_at(line.substr(i)) == 0);
  }
  CHECK_THAT(line_of(plan, name), Contains("..."));
  // The same noise right below a parameter.
  const Plan shallow = grown([&](PlanBuilder& p, std::set<std::string>& done) {
    p.assign(name, p.normal({32, 32}, 0.02, "a\x1b[31mred\n\xC2\x9B" + std::string(1'000'000, 'x')), 0);
    done.insert(name);
  });
  CHECK_THAT(line_of(shallow, name), Contains("normal([32, 32], std 0.02, a?[31mred??xxx") && Contains("x...)"));
  CHECK(line_of(shallow, name).size() < 500);
}
