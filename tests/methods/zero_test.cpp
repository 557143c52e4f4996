// G_zero on real weights (Du et al. 2024): exact with RMSNorm, exact in depth, and not exact with LayerNorm in width.
#include <ATen/ATen.h>
#include <algorithm>

#include "catch.h"
#include "methods/width_cases.h"

using namespace espalier;
using namespace espalier::test;

namespace {

using List = std::vector<int64_t>;

plugin::GrowthPlugin zero(Settings extra = {}) {
  extra.emplace("num_layers", List{1});
  return make_method("zero", extra);
}

// Grows every dimension, with as many query heads a key/value head as before.
ModelSpec wider(const ModelSpec& from, int64_t width = 44) {
  ModelSpec to = from;
  to.d_model = width, to.d_ff = 71, to.num_heads = 6, to.num_kv_heads = from.num_kv_heads == 2 ? 3 : 6;
  return with_eps_for(to, from);
}

double largest(const at::Tensor& x) {
  return x.abs().max().item<double>();
}

}  // namespace

TEST_CASE("zero width is exact with RMSNorm", "[methods][zero]") {
  for (const char* units : {"zero_in", "zero_out"}) {
    auto method = zero({{"new_units", units}});
    for (ModelSpec from : {tiny_llama(), tiny_gpt2()}) {
      from.norm = Norm::rmsnorm;
      for (const bool tied : {true, false}) {
        from.tie_embeddings = tied;
        INFO(units << " " << text(from));
        ModelSpec stream = from;
        stream.d_model = 44;
        CHECK(logit_change(*method.strategy, from, with_eps_for(stream, from)) < 1e-11);
        CHECK(logit_change(*method.strategy, from, wider(from)) < 1e-11);
        CHECK(logit_change(*method.strategy, from, wider(from, 64)) < 1e-11);
        ModelSpec deeper = wider(from);
        deeper.num_layers = 4;
        CHECK(logit_change(*method.strategy, from, deeper) < 1e-11);
        CHECK(method.strategy->plan(from, deeper).preserving_tol.has_value());
      }
    }
  }
}

TEST_CASE("without scaled norm_eps zero width is only nearly exact, and does not claim more", "[methods][zero]") {
  auto method = zero();
  ModelSpec to = wider(tiny_llama());
  to.norm_eps = tiny_llama().norm_eps;
  const double change = logit_change(*method.strategy, tiny_llama(), to);
  CHECK(change > 1e-7);
  CHECK(change < 1e-2);
  CHECK_FALSE(method.strategy->plan(tiny_llama(), to).preserving_tol.has_value());
}

TEST_CASE("zero width is not exact with LayerNorm, and does not claim to be", "[methods][zero]") {
  auto method = zero();
  for (const bool tied : {true, false}) {
    ModelSpec from = tiny_gpt2();
    from.tie_embeddings = tied;
    CHECK(logit_change(*method.strategy, from, wider(from)) > 1e-3);
    CHECK_FALSE(method.strategy->plan(from, wider(from)).preserving_tol.has_value());
  }
}

TEST_CASE("heads and hidden units that come in silent are exact with any norm", "[methods][zero][gqa]") {
  auto method = zero({{"new_units", "zero_out"}});
  for (const ModelSpec& from : width_settings()) {
    INFO(text(from));
    ModelSpec units = from, heads = from, all = from;
    units.d_ff = 71;
    heads.num_heads = from.num_kv_heads == 2 ? 6 : 7, heads.num_kv_heads = from.num_kv_heads == 2 ? 2 : 7;
    all.d_ff = 50, all.num_heads = 12, all.num_kv_heads = from.num_kv_heads == 2 ? 4 : 12;
    for (const ModelSpec& to : {units, heads, all}) {
      CHECK(logit_change(*method.strategy, from, to) < 1e-12);
      CHECK(method.strategy->plan(from, to).preserving_tol.has_value());
    }
  }
}

TEST_CASE("head_dim grows exactly with learned positions and is refused with rotary ones", "[methods][zero]") {
  auto method = zero({{"new_units", "zero_out"}});
  ModelSpec to = tiny_gpt2();
  to.head_dim = 11;
  CHECK(logit_change(*method.strategy, tiny_gpt2(), to) < 1e-12);
  to.num_heads = to.num_kv_heads = 6;
  CHECK(logit_change(*method.strategy, tiny_gpt2(), to) < 1e-12);
  ModelSpec rotary = tiny_llama();
  rotary.head_dim = 12;
  const std::string error = error_of([&] { method.strategy->plan(tiny_llama(), rotary); });
  CHECK(error.find("with rotary positions") != std::string::npos);
}

TEST_CASE("a zero block that would never learn, or would not be silent, is refused", "[methods][zero]") {
  const auto refusal = [](const Settings& settings) {
    return error_of([&] { make_method("zero", settings).strategy->num_stages(tiny_llama()); });
  };
  CHECK(refusal({{"d_ff", List{40}}}).find("pass no gradient") != std::string::npos);
  CHECK(refusal({{"d_ff", List{40}}, {"new_units", "zero_out"}}) == "no error");
  CHECK(refusal({{"d_ff", List{40}}, {"d_model", List{24}}}) == "no error");
  CHECK(refusal({{"num_heads", List{2}}, {"d_model", List{24}}}).find("old key/value head") != std::string::npos);
}

TEST_CASE("zero blocks lie where the paper puts them, and take the first gradients", "[methods][zero]") {
  const ModelSpec from = tiny_llama(), to = wider(from);
  const Model after = grow(*zero().strategy, random_model(from, 3), to);
  const auto grads = gradients(after, random_tokens(to, 2, 4));
  for (const auto& param : after.params) {
    if (param.info.layer < 0 || !param.info.is_matrix()) continue;
    const auto old = random_model(from, 3).params.at(param.info.name).sizes();
    const at::Tensor weight = param.value, gradient = grads.at(param.info.name);
    const auto right = [&](const at::Tensor& x) { return x.narrow(1, old[1], x.size(1) - old[1]); };  // A and C
    const at::Tensor below = weight.narrow(0, old[0], weight.size(0) - old[0]).narrow(1, 0, old[1]);
    INFO(param.info.name);
    CHECK(largest(below) == 0);
    CHECK(right(weight).std().item<double>() > 0.01);
    CHECK(largest(right(gradient)) == 0);
    // Tied, the last layer's output has no listener yet in the new dimensions: the head's columns are zero.
    const bool heard = param.info.role == "attn.o" || (param.info.role == "mlp.down" && param.info.layer == 0);
    if (heard) CHECK(largest(gradient.narrow(0, old[0], weight.size(0) - old[0]).narrow(1, 0, old[1])) > 1e-6);
  }
  for (const char* norm : {"layers.0.norm1.weight", "final_norm.weight"}) {
    const at::Tensor gain = after.params.at(norm);
    CHECK(max_diff(gain.narrow(0, 0, 32), std::sqrt(32.0 / 44) * random_model(from, 3).params.at(norm)) < 1e-15);
    CHECK(max_diff(gain.narrow(0, 32, 12), at::ones({12}, at::kDouble)) == 0);
  }
  CHECK(largest(after.params.at("embed.weight").narrow(1, 32, 12)) == 0);
}

TEST_CASE("silent new heads and units get gradients at the first step", "[methods][zero]") {
  ModelSpec to = tiny_llama();
  to.d_ff = 60, to.num_heads = 8, to.num_kv_heads = 4;
  auto method = zero({{"new_units", "zero_out"}});
  const Model after = grow(*method.strategy, random_model(tiny_llama(), 3), to);
  const auto grads = gradients(after, random_tokens(to, 2, 4));
  const at::Tensor o = grads.at("layers.0.attn.o.weight").narrow(1, 32, 32);
  const at::Tensor down = grads.at("layers.0.mlp.down.weight").narrow(1, 48, 12);
  CHECK(o.abs().amin().item<double>() > 0);
  CHECK(down.abs().amin().item<double>() > 0);
}

TEST_CASE("zero layers change no bit of the logits, wherever they go", "[methods][zero]") {
  for (const char* position : {"top", "bottom", "middle", "interleaved"}) {
    auto method = zero({{"position", position}});
    for (const ModelSpec& from : width_settings(1)) {
      ModelSpec to = from;
      to.num_layers = 4;
      const Model before = random_model(from, 3), after = grow(*method.strategy, before, to);
      const at::Tensor tokens = random_tokens(from, 2, 1);
      INFO(text(from) << " " << position);
      CHECK(max_diff(logits(after, tokens), logits(before, tokens)) == 0);
      CHECK(after.state.size() == before.state.size());
    }
  }
}

TEST_CASE("inserted layers lie at the asked place", "[methods][zero]") {
  const std::map<std::string, List> old_layers = {
      {"top", {0, 1}}, {"bottom", {3, 4}}, {"middle", {0, 4}}, {"interleaved", {0, 2}}};
  const Model before = random_model(tiny_llama(2), 3);
  for (const auto& [position, places] : old_layers) {
    const Model after = grow(*zero({{"position", position.c_str()}}).strategy, before, tiny_llama(5));
    for (int64_t layer = 0; layer < 5; ++layer) {
      const auto found = std::find(places.begin(), places.end(), layer);
      const std::string name = "layers." + std::to_string(layer) + ".mlp.down.weight";
      INFO(position << " " << layer);
      if (found == places.end())
        CHECK(largest(after.params.at(name)) == 0);
      else
        CHECK(after.params.at(name).equal(
            before.params.at("layers." + std::to_string(found - places.begin()) + ".mlp.down.weight")));
    }
  }
}

TEST_CASE("two hops with the stages' norm_eps are exact, and moments are padded with zeros", "[methods][zero]") {
  auto method = make_method("zero", {{"num_layers", List{1, 2}},
                                     {"d_model", List{18, 25}},
                                     {"num_heads", List{2, 4}},
                                     {"num_kv_heads", List{1, 2}},
                                     {"d_ff", List{20, 31}}});
  ModelSpec last = tiny_llama(3);
  last.num_heads = 8, last.num_kv_heads = 4;
  REQUIRE(method.strategy->num_stages(last) == 3);
  const Model first = random_model(method.strategy->stage_spec(last, 0), 11);
  const Model second = grow(*method.strategy, first, method.strategy->stage_spec(last, 1), 7, 0);
  const Model third = grow(*method.strategy, second, last, 7, 1);
  const at::Tensor tokens = random_tokens(last, 2, 2);
  CHECK(max_diff(logits(second, tokens), logits(first, tokens)) < 1e-11);
  CHECK(max_diff(logits(third, tokens), logits(first, tokens)) < 1e-11);
  const at::Tensor old = first.state.at("layers.0.mlp.up.weight").exp_avg;
  const at::Tensor grown = second.state.at("layers.0.mlp.up.weight").exp_avg;
  CHECK(grown.narrow(0, 0, 20).narrow(1, 0, 18).equal(old));
  CHECK(grown.count_nonzero().item<int64_t>() == old.count_nonzero().item<int64_t>());
}
