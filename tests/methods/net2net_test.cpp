// Net2Net on real weights (Chen et al. 2016): copies are exact, and where a norm sees them unevenly they are not.
#include <ATen/ATen.h>

#include "catch.h"
#include "methods/width_cases.h"

using namespace espalier;
using namespace espalier::test;

namespace {

using List = std::vector<int64_t>;

Settings exact(const char* mapping = "circular") {
  return {{"num_layers", List{1}}, {"noise", 0.0}, {"mapping", mapping}};
}

}  // namespace

TEST_CASE("Net2Wider is exact where the stream grows to a multiple", "[methods][net2net]") {
  auto method = make_method("net2net", exact());
  for (const ModelSpec& from : width_settings()) {
    INFO(text(from));
    for (const int64_t times : {2, 3}) {
      ModelSpec to = from;
      to.d_model *= times;
      CHECK(logit_change(*method.strategy, from, to) < 1e-10);
      to.num_heads *= 2, to.num_kv_heads *= 2, to.d_ff = 70;
      CHECK(logit_change(*method.strategy, from, to) < 1e-10);
    }
  }
}

TEST_CASE("Net2Wider is not exact where the stream grows to 1.5 times its width", "[methods][net2net]") {
  auto method = make_method("net2net", exact());
  for (const ModelSpec& from : width_settings()) {
    ModelSpec to = from;
    to.d_model = 48;
    INFO(text(from));
    CHECK(logit_change(*method.strategy, from, to) > 1e-2);
  }
}

TEST_CASE("heads and hidden units are copied exactly to any number, in turn or at random", "[methods][net2net][gqa]") {
  for (const char* mapping : {"circular", "random"}) {
    auto method = make_method("net2net", exact(mapping));
    for (const ModelSpec& from : width_settings()) {
      INFO(text(from) << " " << mapping);
      ModelSpec units = from;
      units.d_ff = 71;
      CHECK(logit_change(*method.strategy, from, units) < 1e-10);
      ModelSpec queries = from;  // inside the groups: only for grouped-query attention, else in step
      queries.num_heads = from.num_heads + 2, queries.num_kv_heads = from.num_kv_heads == 2 ? 2 : queries.num_heads;
      CHECK(logit_change(*method.strategy, from, queries) < 1e-10);
      ModelSpec all = from;
      all.num_heads = 12, all.num_kv_heads = from.num_kv_heads == 2 ? 4 : 12;
      CHECK(logit_change(*method.strategy, from, all) < 1e-10);
    }
  }
}

TEST_CASE("groups are cut exactly when key/value heads multiply under the same queries", "[methods][net2net][gqa]") {
  auto method = make_method("net2net", exact());
  ModelSpec to = tiny_llama();
  to.num_kv_heads = 4;
  CHECK(logit_change(*method.strategy, tiny_llama(), to) < 1e-10);
  ModelSpec one = tiny_llama();
  one.num_kv_heads = 1;
  CHECK(logit_change(*method.strategy, one, to) < 1e-10);
}

TEST_CASE("growth does not depend on the order of the key/value groups", "[methods][net2net][gqa]") {
  auto method = make_method("net2net", exact());
  const ModelSpec from = tiny_llama();
  const Model model = random_model(from, 5);
  const at::Tensor swapped_rows = at::roll(at::arange(32), 16), swapped_kv = at::roll(at::arange(16), 8);
  Model swapped = random_model(from, 5);
  swapped.params = model.params.transformed([&](const Param& param) {
    if (param.info.role == "attn.q") return param.value.index_select(0, swapped_rows);
    if (param.info.role == "attn.o") return param.value.index_select(1, swapped_rows);
    if (param.info.role == "attn.k" || param.info.role == "attn.v") return param.value.index_select(0, swapped_kv);
    return param.value;
  });
  ModelSpec to = from;
  to.num_heads = 6;
  const at::Tensor tokens = random_tokens(from, 2, 1);
  CHECK(max_diff(logits(grow(*method.strategy, swapped, to), tokens), logits(model, tokens)) < 1e-10);
}

TEST_CASE("identity layers change no bit of the logits, wherever they go", "[methods][net2net]") {
  for (const char* position : {"top", "bottom", "middle", "interleaved"}) {
    auto method = make_method("net2net", {{"num_layers", List{1}}, {"position", position}});
    for (const ModelSpec& from : width_settings()) {
      ModelSpec to = from;
      to.num_layers = 5;
      INFO(text(from) << " " << position);
      CHECK(logit_change(*method.strategy, from, to) == 0);
    }
  }
}

TEST_CASE("noise parts the copies and leaves the originals alone", "[methods][net2net]") {
  auto noisy = make_method("net2net", {{"num_layers", List{1}}, {"noise", 0.001}});
  const ModelSpec from = tiny_llama();
  ModelSpec to = from;
  to.d_ff = 2 * from.d_ff;
  const Model before = random_model(from, 3), after = grow(*noisy.strategy, before, to);
  const at::Tensor old_up = before.params.at("layers.0.mlp.up.weight"), up = after.params.at("layers.0.mlp.up.weight");
  CHECK(up.narrow(0, 0, from.d_ff).equal(old_up));
  const at::Tensor moved = up.narrow(0, from.d_ff, from.d_ff) - old_up;
  CHECK(moved.std().item<double>() > 0.0008);
  CHECK(moved.std().item<double>() < 0.0012);
  CHECK(after.params.at("layers.0.mlp.down.weight")
            .narrow(1, 0, from.d_ff)
            .equal(0.5 * before.params.at("layers.0.mlp.down.weight")));
  const double change = logit_change(*noisy.strategy, from, to);
  CHECK(change > 1e-6);
  CHECK(change < 0.5);
}

TEST_CASE("only exact plans claim to preserve the function", "[methods][net2net]") {
  const auto claims = [](const Settings& settings, const ModelSpec& from, const ModelSpec& to) {
    return make_method("net2net", settings).strategy->plan(from, to).preserving_tol.has_value();
  };
  ModelSpec wide = tiny_llama(), wider = tiny_llama(), units = tiny_llama(), deeper = tiny_llama(3);
  wide.d_model = 48, wider.d_model = 64, units.d_ff = 50;
  CHECK_FALSE(claims(exact(), tiny_llama(), wide));
  CHECK(claims(exact(), tiny_llama(), wider));
  CHECK(claims(exact("random"), tiny_llama(), units));
  const Settings noisy = {{"num_layers", List{1}}, {"noise", 0.01}};
  CHECK_FALSE(claims(noisy, tiny_llama(), units));
  CHECK(claims(noisy, tiny_llama(), deeper));
}

TEST_CASE("two hops in all dimensions are as exact as one", "[methods][net2net]") {
  auto method = make_method("net2net", {{"num_layers", List{1, 2}},
                                        {"d_model", List{16, 32}},
                                        {"num_heads", List{2, 4}},
                                        {"num_kv_heads", List{1, 2}},
                                        {"d_ff", List{20, 31}},
                                        {"noise", 0.0}});
  for (ModelSpec last : {tiny_llama(5), tiny_gpt2(5)}) {
    last.d_model = 64, last.num_heads = 8, last.num_kv_heads = 4, last.d_ff = 64;
    REQUIRE(method.strategy->num_stages(last) == 3);
    const Model first = random_model(method.strategy->stage_spec(last, 0), 11);
    const Model second = grow(*method.strategy, first, method.strategy->stage_spec(last, 1), 7, 0);
    const Model third = grow(*method.strategy, second, last, 7, 1);
    const at::Tensor tokens = random_tokens(last, 2, 2);
    CHECK(max_diff(logits(second, tokens), logits(first, tokens)) < 1e-10);
    CHECK(max_diff(logits(third, tokens), logits(first, tokens)) < 1e-10);
  }
}

// What mapped moments are is held against the larger model's gradients in gradient_moments_test.cpp.
TEST_CASE("moments of changed parameters can start fresh, and identity layers have none", "[methods][net2net]") {
  const ModelSpec from = tiny_llama(1);
  ModelSpec to = from;
  to.num_layers = 2, to.d_ff = 96;
  const Model before = random_model(from, 3);
  const Model carried = grow(*make_method("net2net", exact()).strategy, before, to);
  Settings zero = exact();
  zero.emplace("moments", "zero");
  const Model fresh = grow(*make_method("net2net", zero).strategy, before, to);
  CHECK(carried.state.at("layers.0.mlp.down.weight").step == 10);
  CHECK(carried.state.size() == before.state.size());
  CHECK(carried.state.count("layers.1.attn.q.weight") == 0);
  CHECK(fresh.state.count("layers.0.mlp.down.weight") == 0);
  CHECK(fresh.state.at("layers.0.attn.q.weight").exp_avg.equal(before.state.at("layers.0.attn.q.weight").exp_avg));
}
