// CGLS on real weights: where new layers go, and the phase in which they train alone (Singh et al. 2025).
#include <ATen/ATen.h>

#include "catch.h"
#include "core/optim/adamw.h"
#include "methods/origins.h"
#include "methods/step_shapes.h"
#include "support/tiny_model.h"

using namespace espalier;
using namespace espalier::test;
using Catch::Matchers::Contains;

namespace {

const char* const kPositions[] = {"top", "bottom", "middle", "interleaved"};

Settings two_to_five(const char* position, const char* init) {
  return {{"layers", std::vector<int64_t>{2, 3}}, {"phase_a", "4st"}, {"position", position}, {"init", init}};
}

Progress in_stage(int64_t stage, int64_t stage_step) {
  Progress progress;
  progress.stage = stage;
  progress.num_stages = 3;
  progress.stage_step = stage_step;
  progress.step = stage * 100 + stage_step;
  progress.total_steps = 300;
  progress.stage_total_steps = 100;
  return progress;
}

// A few steps of AdamW with weight decay; the gradients of the last one stay in place.
void train(Model& model, const StepShape& shape, int steps) {
  require_grad(model.params);
  OptimizerConfig optimizer;
  optimizer.weight_decay = 0.5;
  for (int step = 0; step < steps; ++step) {
    clear_grads(model.params);
    const at::Tensor tokens = random_tokens(model.spec, 2, static_cast<uint64_t>(step));
    const int64_t inputs = tokens.size(1) - 1;
    forward_loss(model.spec, model.params, tokens.narrow(1, 0, inputs), tokens.narrow(1, 1, inputs), shape,
                 ComputeType::fp64)
        .backward();
    adamw_step(optimizer, 0.01, model.params, model.state);
  }
}

Model copy_of(const Model& model) {
  Model out{model.spec, model.params.transformed([](const Param& p) { return p.value.detach().clone(); }), {}};
  for (const auto& [name, moments] : model.state)
    out.state[name] = {moments.exp_avg.clone(), moments.exp_avg_sq.clone(), moments.step};
  return out;
}

}  // namespace

TEST_CASE("stages come from a list or from a first depth and a step", "[methods][cgls]") {
  auto list = make_method("cgls", {{"layers", std::vector<int64_t>{2, 3, 4}}, {"phase_a", "10st"}});
  CHECK(stage_layers(*list.strategy, tiny_llama(6)) == std::vector<int64_t>{2, 3, 4, 6});
  auto steps = make_method("cgls", {{"initial_layers", 2}, {"layers_per_stage", 3}, {"phase_a", "10st"}});
  CHECK(stage_layers(*steps.strategy, tiny_llama(8)) == std::vector<int64_t>{2, 5, 8});
}

TEST_CASE("CGLS refuses depths that do not lead to the final model", "[methods][cgls]") {
  const auto refusal = [](const Settings& settings, int64_t depth) {
    return error_of([&] { make_method("cgls", settings).strategy->num_stages(tiny_llama(depth)); });
  };
  const auto list = [](std::vector<int64_t> layers) { return Settings{{"layers", layers}, {"phase_a", "10st"}}; };
  CHECK_THAT(refusal({{"phase_a", "10st"}}, 6), Contains("either layers or initial_layers"));
  CHECK_THAT(refusal({{"initial_layers", 2}, {"phase_a", "10st"}}, 6), Contains("belong together"));
  CHECK_THAT(refusal(list({2, 4, 3}), 6), Contains("3 follows 4"));
  CHECK_THAT(refusal(list({2, 2}), 6), Contains("2 follows 2"));
  CHECK_THAT(refusal(list({2, 6}), 6), Contains("6"));
  CHECK_THAT(refusal({{"initial_layers", 2}, {"layers_per_stage", 3}, {"phase_a", "10st"}}, 6), Contains("adding 3"));
  CHECK(refusal(list({2, 4}), 6) == "no error");
  auto cgls = make_method("cgls", list({2, 4}));
  CHECK_THAT(error_of([&] { cgls.strategy->plan(tiny_llama(4), tiny_llama(2)); }), Contains("shrink"));
}

TEST_CASE("new layers go to the top, the bottom, the middle or in between", "[methods][cgls]") {
  const auto map = [](const char* position, int64_t before, int64_t after) {
    auto cgls = make_method("cgls", two_to_five(position, "copy"));
    const Model from = random_model(tiny_llama(before), 1);
    return origins(from, grow(*cgls.strategy, from, tiny_llama(after)));
  };
  CHECK(map("top", 3, 5) == std::vector<int64_t>{0, 1, 2, 1, 2});
  CHECK(map("bottom", 3, 5) == std::vector<int64_t>{0, 1, 0, 1, 2});
  CHECK(map("middle", 3, 5) == std::vector<int64_t>{0, 1, 0, 1, 2});
  CHECK(map("middle", 3, 4) == std::vector<int64_t>{0, 1, 1, 2});
  CHECK(map("interleaved", 2, 4) == std::vector<int64_t>{0, 0, 1, 1});
  CHECK(map("interleaved", 2, 5) == std::vector<int64_t>{0, 0, 1, 0, 1});  // one after layer 1, two after layer 2
}

TEST_CASE("old parameters keep values and moments, new ones start without any", "[methods][cgls]") {
  const Model from = random_model(tiny_gpt2(3), 1);
  for (const char* position : kPositions) {
    auto cgls = make_method("cgls", two_to_five(position, "random"));
    const Model to = grow(*cgls.strategy, from, tiny_gpt2(5));
    int64_t old_layers = 0;
    for (int64_t layer = 0; layer < 5; ++layer) {
      const int64_t source = origin(from, to, layer);
      if (source >= 0) CHECK(source == old_layers++);  // the old ones are all there, in order
      for (const auto& param : to.params) {
        if (param.info.layer != layer) continue;
        if (source >= 0) CHECK(same_moments(from, in_layer(param.info.name, source), to, param.info.name));
        if (source < 0) CHECK(to.state.count(param.info.name) == 0);
      }
    }
    CHECK(old_layers == 3);
    for (const char* name : {"embed.weight", "pos_embed.weight", "final_norm.weight"}) {
      CHECK(to.params.at(name).equal(from.params.at(name)));
      CHECK(same_moments(from, name, to, name));
    }
  }
  Settings reset = two_to_five("top", "copy");
  reset.emplace("optimizer", "reset");
  CHECK(grow(*make_method("cgls", reset).strategy, from, tiny_gpt2(5)).state.empty());
}

TEST_CASE("zero-output layers at any position leave the logits bit-equal", "[methods][cgls]") {
  for (const ModelSpec& spec : {tiny_llama(3), tiny_gpt2(3)}) {
    const Model from = random_model(spec, 1);
    const at::Tensor tokens = random_tokens(spec, 2, 5);
    ModelSpec larger = spec;
    larger.num_layers = 5;
    for (const char* position : kPositions) {
      auto cgls = make_method("cgls", two_to_five(position, "zero-output"));
      CHECK(logits(grow(*cgls.strategy, from, larger), tokens).equal(logits(from, tokens)));
      CHECK(cgls.strategy->plan(spec, larger).preserving_tol == 0.0);
      auto random = make_method("cgls", two_to_five(position, "random"));
      CHECK_FALSE(random.strategy->plan(spec, larger).preserving_tol.has_value());
      CHECK(max_diff(logits(grow(*random.strategy, from, larger), tokens), logits(from, tokens)) > 1e-4);
    }
  }
}

TEST_CASE("phase A trains exactly the layers that the growth added", "[methods][cgls]") {
  for (const char* position : kPositions) {
    auto cgls = make_method("cgls", two_to_five(position, "random"));
    const int64_t layers[] = {2, 3, 5};
    for (int64_t stage = 1; stage <= 2; ++stage) {
      const Model from = random_model(tiny_llama(layers[stage - 1]), 1);
      const Model to = grow(*cgls.strategy, from, tiny_llama(layers[stage]));
      const StepShape shape = shape_at(*cgls.strategy, tiny_llama(layers[stage]), in_stage(stage, 0));
      for (int64_t layer = 0; layer < layers[stage]; ++layer)
        CHECK((shape.trainable[static_cast<size_t>(layer)] != 0) == (origin(from, to, layer) < 0));
      CHECK_FALSE(shape.embed_trainable());
      CHECK_FALSE(shape.final_norm_trainable());
      CHECK_FALSE(shape.head_trainable());
    }
  }
}

TEST_CASE("phase A is the start of every stage but the first, and tells its number", "[methods][cgls]") {
  auto cgls = make_method("cgls", two_to_five("top", "random"));
  CHECK(shape_at(*cgls.strategy, tiny_llama(2), in_stage(0, 0)) == everything(tiny_llama(2)));
  const StepShape first = shape_at(*cgls.strategy, tiny_llama(3), in_stage(1, 0));
  CHECK(first.phase == 1);
  CHECK(shape_at(*cgls.strategy, tiny_llama(3), in_stage(1, 3)) == first);
  CHECK(shape_at(*cgls.strategy, tiny_llama(3), in_stage(1, 4)) == everything(tiny_llama(3)));
  CHECK(shape_at(*cgls.strategy, tiny_llama(5), in_stage(2, 3)).phase == 1);
  CHECK(shape_at(*cgls.strategy, tiny_llama(5), in_stage(2, 4)) == everything(tiny_llama(5)));
  CHECK(shape_at(*cgls.strategy, tiny_llama(3), in_stage(1, 0)) == first);  // no memory of what was asked before
  auto never = make_method("cgls", {{"layers", std::vector<int64_t>{2, 3}}, {"phase_a", "0st"}});
  CHECK(shape_at(*never.strategy, tiny_llama(3), in_stage(1, 0)) == everything(tiny_llama(3)));
}

TEST_CASE("a phase A that leaves no time for the whole model is refused", "[methods][cgls]") {
  auto cgls = make_method("cgls", {{"layers", std::vector<int64_t>{2, 3}}, {"phase_a", "100st"}});
  CHECK_THAT(error_of([&] { shape_at(*cgls.strategy, tiny_llama(3), in_stage(1, 0)); }), Contains("phase_a takes 100"));
  auto fraction = make_method("cgls", {{"layers", std::vector<int64_t>{2, 3}}, {"phase_a", "0.5dur"}});
  CHECK_THAT(error_of([&] { shape_at(*fraction.strategy, tiny_llama(2), in_stage(0, 0)); }),
             Contains("the run has 300"));
}

TEST_CASE("frozen parameters and their moments pass phase A bit-identical under weight decay", "[methods][cgls]") {
  for (const bool tied : {true, false}) {
    ModelSpec spec = tiny_llama(3), larger = tiny_llama(5);
    spec.tie_embeddings = larger.tie_embeddings = tied;
    auto cgls = make_method("cgls", two_to_five("interleaved", "random"));
    const Model from = random_model(spec, 1);
    Model model = grow(*cgls.strategy, from, larger);
    const Model before = copy_of(model);
    const StepShape phase_a = shape_at(*cgls.strategy, tiny_llama(5), in_stage(2, 0));
    train(model, phase_a, 4);
    for (const auto& param : model.params) {
      INFO(param.info.name);
      const bool is_new = param.info.layer >= 0 && origin(from, before, param.info.layer) < 0;
      CHECK(param.value.grad().defined() == is_new);
      CHECK(param.value.equal(before.params.at(param.info.name)) == !is_new);
      if (!is_new) CHECK(same_moments(before, param.info.name, model, param.info.name));
      if (is_new) CHECK(model.state.at(param.info.name).step == 4);
    }
    train(model, shape_at(*cgls.strategy, tiny_llama(5), in_stage(2, 4)), 1);
    for (const auto& param : model.params) CHECK_FALSE(param.value.equal(before.params.at(param.info.name)));
  }
}

TEST_CASE("embedding and head may train in phase A", "[methods][cgls]") {
  for (const bool head : {true, false}) {
    Settings settings = two_to_five("top", "random");
    settings.emplace(head ? "freeze_head" : "freeze_embedding", false);
    ModelSpec spec = tiny_llama(3);
    spec.tie_embeddings = false;
    Model model = random_model(spec, 1);
    const Model before = copy_of(model);
    train(model, shape_at(*make_method("cgls", settings).strategy, tiny_llama(3), in_stage(1, 0)), 1);
    CHECK(model.params.at("embed.weight").equal(before.params.at("embed.weight")) == head);
    CHECK(model.params.at("lm_head.weight").equal(before.params.at("lm_head.weight")) == !head);
    CHECK(model.params.at("final_norm.weight").equal(before.params.at("final_norm.weight")) == !head);
    CHECK(model.params.at("layers.0.attn.q.weight").equal(before.params.at("layers.0.attn.q.weight")));
  }
}

TEST_CASE("with tied embeddings, freezing one of embedding and head is refused by name", "[methods][cgls]") {
  for (const char* key : {"freeze_head", "freeze_embedding"}) {
    Settings settings = two_to_five("top", "random");
    settings.emplace(key, false);
    const auto refused = [&](bool tied, Settings with) {
      ModelSpec from = tiny_llama(2), to = tiny_llama(3);
      from.tie_embeddings = to.tie_embeddings = tied;
      return error_of([&] { make_method("cgls", with).strategy->plan(from, to); });
    };
    CHECK_THAT(refused(true, settings),
               Contains("freeze_embedding = ") && Contains("freeze_head = ") && Contains("tie_embeddings = false"));
    CHECK(refused(false, settings) == "no error");
    settings.insert_or_assign("phase_a", "0st");  // no phase A, nothing to contradict
    CHECK(refused(true, settings) == "no error");
  }
  // Both at once: the matrix trains in phase A, whole.
  Settings neither = two_to_five("top", "random");
  neither.emplace("freeze_head", false);
  neither.emplace("freeze_embedding", false);
  Model model = random_model(tiny_llama(3), 1);
  const Model before = copy_of(model);
  train(model, shape_at(*make_method("cgls", neither).strategy, tiny_llama(3), in_stage(1, 0)), 1);
  CHECK_FALSE(model.params.at("embed.weight").equal(before.params.at("embed.weight")));
}
