// Masked structural growth on real weights (Yao et al. 2024).
#include <algorithm>

#include <ATen/ATen.h>

#include "catch.h"
#include "methods/width_cases.h"

using namespace espalier;
using namespace espalier::test;

namespace {

using List = std::vector<int64_t>;

plugin::GrowthPlugin msg(Settings extra = {}) {
  extra.emplace("num_layers", List{2});
  extra.emplace("d_model", List{32});
  extra.emplace("grow_steps", "10st");
  return make_method("msg", extra);
}

ModelSpec larger(ModelSpec spec) {
  spec.d_model = 44, spec.d_ff = 71, spec.num_layers = 4;
  spec.num_heads = 8, spec.num_kv_heads = spec.num_kv_heads == 2 ? 2 : 8;
  return spec;
}

// What a step of the large model runs, `done` steps into its stage.
StepShape shape_at(growth::Strategy& strategy, const ModelSpec& spec, int64_t done, int64_t stage = 1,
                   int64_t stage_steps = 0) {
  Progress where;
  where.stage = stage, where.stage_step = done, where.stage_total_steps = stage_steps;
  StepShape shape = StepShape::everything(spec.num_layers);
  strategy.fill_step_shape(where, spec, shape);
  return shape;
}

// A method that grows from `from` to `to` in one step, its shapes known.
plugin::GrowthPlugin msg_between(const ModelSpec& from, const ModelSpec& to, const char* position) {
  auto method = make_method("msg", {{"num_layers", List{from.num_layers}},
                                    {"d_model", List{from.d_model}},
                                    {"num_heads", List{from.num_heads}},
                                    {"num_kv_heads", List{from.num_kv_heads}},
                                    {"d_ff", List{from.d_ff}},
                                    {"position", position},
                                    {"grow_steps", "10st"}});
  REQUIRE(method.strategy->num_stages(to) == 2);
  return method;
}

// Each dimension alone, and all of them.
std::vector<ModelSpec> growths(const ModelSpec& from) {
  const ModelSpec all = larger(from);
  ModelSpec stream = from, units = from, heads = from, groups = from, layers = from;
  stream.d_model = all.d_model, units.d_ff = all.d_ff, layers.num_layers = all.num_layers;
  heads.num_heads = all.num_heads, heads.num_kv_heads = all.num_kv_heads;
  groups.num_heads *= 2, groups.num_kv_heads *= 2;
  return {stream, units, heads, groups, layers, all};
}

}  // namespace

TEST_CASE("closed gates give the small model, open ones the plain large model", "[methods][msg]") {
  for (const ModelSpec& from : width_settings())
    for (const ModelSpec& to : growths(from))
      for (const char* position : {"top", "middle"}) {
        auto method = msg_between(from, to, position);
        const Model before = random_model(from, 3), after = grow(*method.strategy, before, to);
        const at::Tensor tokens = random_tokens(from, 2, 1);
        INFO(text(from) << " " << to.num_layers << " layers, " << to.d_model << " wide, " << to.num_heads << " heads");
        CHECK(max_diff(logits(after, tokens, shape_at(*method.strategy, to, 0)), logits(before, tokens)) < 1e-11);
        CHECK(shape_at(*method.strategy, to, 10) == StepShape::everything(to.num_layers));
        CHECK(max_diff(logits(after, tokens), logits(before, tokens)) > 1e-3);
      }
}

TEST_CASE("gates open step by step, and their end moves the logits no more than a step", "[methods][msg]") {
  for (const ModelSpec& from : width_settings()) {
    const ModelSpec to = larger(from);
    auto method = msg_between(from, to, "top");
    const Model after = grow(*method.strategy, random_model(from, 3), to);
    const at::Tensor tokens = random_tokens(from, 2, 1);
    for (int64_t done = 0; done < 10; ++done) {
      const StepShape shape = shape_at(*method.strategy, to, done);
      const float gate = static_cast<float>(static_cast<double>(done) / 10);
      CHECK(shape.stream_gate[31] == 1.0F);
      CHECK(shape.stream_gate[32] == gate);
      CHECK(shape.unit_gate[47] == 1.0F);
      CHECK(shape.unit_gate[48] == gate);
      CHECK(shape.scale == std::vector<float>{1, 1, gate, gate});
      CHECK(shape.unit_gate[2 * 71 + 48] == 1.0F);  // a new layer opens as a whole
    }
    StepShape nearly = shape_at(*method.strategy, to, 9);
    for (auto* gates : {&nearly.stream_gate, &nearly.unit_gate, &nearly.head_gate, &nearly.scale})
      for (float& gate : *gates) gate = gate == 1 ? 1 : 0.9999F;
    const double last = max_diff(logits(after, tokens, nearly), logits(after, tokens));
    CHECK(last > 0);
    CHECK(last < 1e-2);
  }
}

TEST_CASE("new query heads are gated where they stand in their group", "[methods][msg][gqa]") {
  const ModelSpec from = tiny_llama();
  ModelSpec to = from;
  to.num_heads = 8;
  auto method = msg_between(from, to, "top");
  const StepShape shape = shape_at(*method.strategy, to, 0);
  CHECK(shape.head_gate == std::vector<float>{1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0});
  CHECK(shape.stream_gate.empty());
  CHECK(shape.unit_gate.empty());
}

TEST_CASE("all that is new gets a gradient once the gates are ajar", "[methods][msg]") {
  for (const ModelSpec& from : width_settings()) {
    const ModelSpec to = larger(from);
    auto method = msg_between(from, to, "top");
    const Model after = grow(*method.strategy, random_model(from, 3), to);
    const auto grads = gradients(after, random_tokens(from, 2, 1), shape_at(*method.strategy, to, 1));
    CHECK(grads.size() == param_infos(to).size());
    for (const auto& [name, grad] : grads) {
      INFO(text(from) << " " << name);
      if (!name.ends_with("attn.k.bias"))  // softmax does not see what all keys share
        CHECK(grad.abs().max().item<double>() > 1e-9);
    }
  }
}

TEST_CASE("a first stage has no gates, and a short one opens over its own length", "[methods][msg]") {
  const ModelSpec from = tiny_llama(), to = larger(from);
  auto method = msg_between(from, to, "top");
  CHECK(shape_at(*method.strategy, from, 0, 0) == StepShape::everything(2));
  CHECK(shape_at(*method.strategy, to, 2, 1, 4).stream_gate[32] == 0.5F);
  CHECK(shape_at(*method.strategy, to, 2, 1, 400).stream_gate[32] == 0.2F);
}

TEST_CASE("in two hops only the last growth is gated", "[methods][msg]") {
  auto method = make_method("msg", {{"num_layers", List{1, 2}}, {"d_model", List{24, 32}}, {"grow_steps", "10st"}});
  const ModelSpec last = larger(tiny_llama());
  REQUIRE(method.strategy->num_stages(last) == 3);
  Model model = random_model(method.strategy->stage_spec(last, 0), 11);
  const at::Tensor tokens = random_tokens(last, 2, 2);
  for (int64_t stage : {1, 2}) {
    const at::Tensor before = logits(model, tokens);
    const ModelSpec to = method.strategy->stage_spec(last, stage);
    model = grow(*method.strategy, model, to, 7, stage);
    const StepShape shape = shape_at(*method.strategy, to, 0, stage);
    CHECK(max_diff(logits(model, tokens, shape), before) < 1e-11);
    CHECK(std::count(shape.stream_gate.begin(), shape.stream_gate.end(), 0.0F) == (stage == 1 ? 8 : 12));
  }
}

TEST_CASE("gates of one give what no gates give", "[methods][msg]") {
  for (const ModelSpec& spec : width_settings()) {
    const Model model = random_model(spec, 3);
    StepShape ones = StepShape::everything(2);
    ones.stream_gate.assign(32, 1.0F);
    ones.head_gate.assign(8, 1.0F);
    ones.unit_gate.assign(96, 1.0F);
    const at::Tensor tokens = random_tokens(spec, 2, 1);
    CHECK(max_diff(logits(model, tokens, ones), logits(model, tokens)) < 1e-12);
  }
}

TEST_CASE("old values stay, new weights are normal, new vectors neutral", "[methods][msg]") {
  auto method = msg();
  for (const ModelSpec& from : width_settings()) {
    const ModelSpec to = larger(from);
    const Model before = random_model(from, 3), after = grow(*method.strategy, before, to);
    const at::Tensor up = after.params.at("layers.0.mlp.up.weight"), down = after.params.at("layers.1.mlp.down.weight");
    CHECK(up.narrow(0, 0, 48).narrow(1, 0, 32).equal(before.params.at("layers.0.mlp.up.weight")));
    CHECK(down.narrow(0, 0, 32).narrow(1, 0, 48).equal(before.params.at("layers.1.mlp.down.weight")));
    for (const at::Tensor& part :
         {up.narrow(0, 48, 23), up.narrow(1, 32, 12), down.narrow(0, 32, 12),
          after.params.at("embed.weight").narrow(1, 32, 12), after.params.at("layers.3.attn.o.weight")}) {
      CHECK(part.std().item<double>() > 0.017);
      CHECK(part.std().item<double>() < 0.023);
    }
    const at::Tensor gain = after.params.at("final_norm.weight");
    CHECK(gain.narrow(0, 0, 32).equal(before.params.at("final_norm.weight")));
    CHECK(gain.narrow(0, 32, 12).equal(at::ones({12}, at::kDouble)));
    CHECK_FALSE(method.strategy->plan(from, to).preserving_tol.has_value());
  }
}

TEST_CASE("moments are padded with zeros and keep their step; new layers have none", "[methods][msg]") {
  const Model before = random_model(tiny_llama(), 3);
  const Model after = grow(*msg().strategy, before, larger(tiny_llama()));
  const auto& old = before.state.at("layers.0.mlp.up.weight");
  const auto& grown = after.state.at("layers.0.mlp.up.weight");
  CHECK(grown.step == 10);
  CHECK(grown.exp_avg_sq.narrow(0, 0, 48).narrow(1, 0, 32).equal(old.exp_avg_sq));
  CHECK(grown.exp_avg_sq.sum().item<double>() == Approx(old.exp_avg_sq.sum().item<double>()).epsilon(1e-12));
  CHECK(after.state.size() == before.state.size());
  CHECK(after.state.count("layers.2.mlp.up.weight") == 0);
}

TEST_CASE("gates need a time to open", "[methods][msg]") {
  const std::string error = error_of([] { make_method("msg", {{"num_layers", List{1}}, {"grow_steps", "0st"}}); });
  CHECK(error.find("grow_steps must be at least one step") != std::string::npos);
}
