// Moments after growth against the truth: one step's moments of the small model, carried, must be those that the larger
// model's own gradient on the same batch would have made. Nothing here knows how a plugin maps anything.
#include <ATen/ATen.h>

#include <algorithm>
#include <functional>

#include "catch.h"
#include "methods/width_cases.h"

using namespace espalier;
using namespace espalier::test;

namespace {

using List = std::vector<int64_t>;

// A parameter's gradient has no exact answer here, or has one.
using Skip = std::function<bool(const ParamInfo&)>;
bool none(const ParamInfo&) {
  return false;
}
bool keys_and_values(const ParamInfo& info) {
  return info.role == "attn.k" || info.role == "attn.v";
}
bool writers_of_the_stream(const ParamInfo& info) {
  return info.role == "embed" || info.role == "pos_embed" || info.role == "attn.o" || info.role == "mlp.down";
}

// After one AdamW step from fresh moments with betas 0.9 and 0.999.
OptimState one_step(const std::map<std::string, at::Tensor>& gradients) {
  OptimState state;
  for (const auto& [name, g] : gradients) state[name] = {0.1 * g, 0.001 * g.square(), 1};
  return state;
}

// The part of `grown` over the sizes of the old parameter along `axes`; whole along others.
at::Tensor old_part(const ParamInfo& info, at::Tensor grown, const at::Tensor& old,
                    const std::vector<std::string>& axes) {
  for (int64_t dim = 0; dim < grown.dim(); ++dim)
    if (std::find(axes.begin(), axes.end(), info.axes[static_cast<size_t>(dim)]) != axes.end())
      grown = grown.narrow(dim, 0, old.size(dim));
  return grown;
}

// The largest difference of a carried first moment from the truth, in units of the largest gradient of its parameter.
// Second moments are held against the truth, too.
double error(const std::string& name, const Settings& settings, const ModelSpec& from, const ModelSpec& to,
             const Skip& skip = none, const std::vector<std::string>& old_axes = {}) {
  auto method = make_method(name, settings);
  Model small = random_model(from, 3);
  const at::Tensor tokens = random_tokens(from, 3, 5);
  small.state = one_step(gradients(small, tokens));
  const Model large = grow(*method.strategy, small, to);
  REQUIRE(max_diff(logits(large, tokens), logits(small, tokens)) < 1e-9);
  const auto truth = gradients(large, tokens);
  double worst = 0;
  for (const auto& param : large.params) {
    const auto found = large.state.find(param.info.name);
    if (found == large.state.end() || skip(param.info)) continue;  // an inserted layer starts fresh
    const AdamMoments& moments = found->second;
    const at::Tensor& old = small.params.at(param.info.name);
    const auto part = [&](const at::Tensor& t) { return old_part(param.info, t, old, old_axes); };
    const at::Tensor g = part(truth.at(param.info.name));
    const double size = std::max(g.abs().max().item<double>(), 1e-5);  // a bias of keys gets nothing but rounding
    worst = std::max(worst, max_diff(part(moments.exp_avg), 0.1 * g) / (0.1 * size));
    worst = std::max(worst, max_diff(part(moments.exp_avg_sq), 0.001 * g.square()) / (0.001 * size * size));
    CHECK(moments.step == 1);
  }
  return worst;
}

ModelSpec wider(ModelSpec spec, int64_t times) {
  spec.d_model *= times;
  return spec;
}

}  // namespace

TEST_CASE("Net2Net's moments are the larger model's own gradients, uneven copies included",
          "[methods][net2net][gradient]") {
  for (const char* mapping : {"circular", "random"})
    for (const ModelSpec& from : width_settings()) {
      INFO(text(from) << " " << mapping);
      const Settings settings{{"num_layers", List{1}}, {"noise", 0.0}, {"mapping", mapping}};
      ModelSpec inside = from;  // 48 hidden units become 71: some are copied, some are not
      inside.d_ff = 71, inside.num_heads = 10, inside.num_kv_heads = from.num_kv_heads == 2 ? 5 : 10;
      CHECK(error("net2net", settings, from, inside) < 1e-9);
      ModelSpec queries = from;  // 2 query heads a group become 3
      queries.num_heads = 6, queries.num_kv_heads = from.num_kv_heads == 2 ? 2 : 6;
      CHECK(error("net2net", settings, from, queries) < 1e-9);
      if (std::string(mapping) == "random") continue;  // the stream of a random mapping is not exact
      for (const int64_t times : {2, 3}) CHECK(error("net2net", settings, from, wider(from, times)) < 1e-9);
      CHECK(error("net2net", settings, from, wider(inside, 2)) < 1e-9);
      ModelSpec deeper = wider(inside, 2);  // identity layers on top: names stay, and so do the gradients
      deeper.num_layers = 3;
      const Settings top{{"num_layers", List{1}}, {"noise", 0.0}, {"position", "top"}};
      CHECK(error("net2net", top, from, deeper) < 1e-9);
    }
}

TEST_CASE("the weight's own expression is not how gradients move", "[methods][net2net][gradient]") {
  const ModelSpec from = tiny_llama();
  ModelSpec to = wider(from, 2);
  to.d_ff = 96;
  CHECK(error("net2net", {{"num_layers", List{1}}, {"noise", 0.0}, {"moments", "copy"}}, from, to) > 0.4);
  CHECK(error("net2net", {{"num_layers", List{1}}, {"noise", 0.0}}, from, to) < 1e-9);
}

TEST_CASE("a key/value head that is cut in two gets half of its gradient a part; all else is exact",
          "[methods][net2net][gradient][gqa]") {
  ModelSpec to = tiny_llama();
  to.num_kv_heads = 4;
  const Settings settings{{"num_layers", List{1}}, {"noise", 0.0}};
  CHECK(error("net2net", settings, tiny_llama(), to, keys_and_values) < 1e-9);
  CHECK(error("net2net", settings, tiny_llama(), to) > 1e-3);  // there is no exact answer
  Model small = random_model(tiny_llama(), 3);
  small.state = one_step(gradients(small, random_tokens(tiny_llama(), 3, 5)));
  const Model large = grow(*make_method("net2net", settings).strategy, small, to);
  const at::Tensor parts = large.state.at("layers.0.attn.k.weight").exp_avg.view({2, 2, 8, 32});
  CHECK(max_diff(parts.sum(1), small.state.at("layers.0.attn.k.weight").exp_avg.view({2, 8, 32})) < 1e-15);
}

TEST_CASE("FPI's moments are the larger model's own gradients", "[methods][bert2bert][gradient]") {
  for (const ModelSpec& from : width_settings()) {
    INFO(text(from));
    ModelSpec inside = from;
    inside.d_ff = 90, inside.num_heads = 8, inside.num_kv_heads = from.num_kv_heads == 2 ? 2 : 8;
    const Settings random{{"num_layers", List{1}}, {"mode", "fpi"}},
        circular{{"num_layers", List{1}}, {"mode", "fpi"}, {"mapping", "circular"}};
    CHECK(error("bert2bert", random, from, inside) < 1e-9);
    CHECK(error("bert2bert", circular, from, wider(inside, 2)) < 1e-9);
  }
}

TEST_CASE("AKI's moments are the true gradients of the rows' own layer, taken from where the rows come from",
          "[methods][bert2bert][gradient]") {
  // Two equal layers: then AKI keeps the function like FPI, and the larger model's gradients say what is right.
  const ModelSpec from = tiny_llama(2);
  Model small = random_model(from, 3);
  small.params = small.params.transformed([&](const Param& param) {
    return param.info.layer == 1 ? small.params.at("layers.0" + param.info.name.substr(8)) : param.value;
  });
  ModelSpec to = from;
  to.d_ff = 96, to.num_heads = 8, to.num_kv_heads = 4;
  const at::Tensor tokens = random_tokens(from, 3, 5);
  small.state = one_step(gradients(small, tokens));
  auto aki = make_method("bert2bert", {{"num_layers", List{1}}, {"mapping", "circular"}});
  const Model large = grow(*aki.strategy, small, to);
  REQUIRE(max_diff(logits(large, tokens), logits(small, tokens)) < 1e-10);
  const auto truth = gradients(large, tokens);
  for (const char* role : {"attn.q", "attn.k", "attn.v", "mlp.up", "mlp.gate"}) {
    const auto name = [&](int layer) { return "layers." + std::to_string(layer) + "." + role + ".weight"; };
    const int64_t rows = small.params.at(name(0)).size(0);
    const auto kept = [&](const at::Tensor& t) { return t.narrow(0, 0, rows); };
    const auto added = [&](const at::Tensor& t) { return t.narrow(0, rows, rows); };
    INFO(role);
    CHECK(max_diff(kept(large.state.at(name(0)).exp_avg), 0.1 * kept(truth.at(name(0)))) < 1e-13);
    CHECK(max_diff(added(large.state.at(name(0)).exp_avg), 0.1 * kept(truth.at(name(1)))) < 1e-13);
    CHECK(max_diff(added(large.state.at(name(0)).exp_avg_sq), 0.001 * kept(truth.at(name(1))).square()) < 1e-13);
    CHECK(max_diff(added(large.state.at(name(1)).exp_avg), 0.1 * added(truth.at(name(1)))) < 1e-13);
  }
}

TEST_CASE("LEMON's moments are the larger model's own gradients, uneven shares included",
          "[methods][lemon][gradient]") {
  for (const ModelSpec& from : width_settings()) {
    INFO(text(from));
    const Settings settings{{"num_layers", List{1}}};
    const bool grouped = from.num_kv_heads == 2;
    ModelSpec inside = from;
    inside.d_ff = 71, inside.num_heads = 8, inside.num_kv_heads = grouped ? 4 : 8;
    // Of a group's query heads with uneven shares only the sum is known.
    CHECK(error("lemon", settings, from, inside, grouped ? keys_and_values : none) < 1e-9);
    if (grouped) CHECK(error("lemon", settings, from, inside) > 1e-3);
    CHECK(error("lemon", {{"num_layers", List{1}}, {"unevenness", 0.0}}, from, inside) < 1e-9);
    ModelSpec all = inside;
    all.d_model = 44;
    all = with_eps_for(all, from);
    const bool layernorm = from.norm == Norm::layernorm;
    const Skip skip = [&](const ParamInfo& info) {
      return (grouped && keys_and_values(info)) || (layernorm && writers_of_the_stream(info));
    };
    CHECK(error("lemon", settings, from, all, skip, {"d_model"}) < 1e-9);
    if (layernorm) CHECK(error("lemon", settings, from, all, none, {"d_model"}) > 1e-3);
  }
}

TEST_CASE("G_zero's moments are the larger model's own gradients in the old parts", "[methods][zero][gradient]") {
  const Settings in{{"num_layers", List{1}}}, out{{"num_layers", List{1}}, {"new_units", "zero_out"}};
  ModelSpec rms = tiny_llama(), to = rms;
  to.d_model = 44, to.d_ff = 71, to.num_heads = 6, to.num_kv_heads = 3;
  to = with_eps_for(to, rms);
  const std::vector<std::string> old{"d_model", "q", "kv", "d_ff"};
  for (const bool tied : {true, false}) {
    rms.tie_embeddings = to.tie_embeddings = tied;
    CHECK(error("zero", in, rms, to, none, old) < 1e-9);
    CHECK(error("zero", out, rms, to, none, old) < 1e-9);
    CHECK(error("zero", {{"num_layers", List{1}}, {"moments", "copy"}}, rms, to, none, old) > 0.1);  // the gains
  }
  // Queries are multiplied by sqrt(head_dim' / head_dim), so their gradients are divided by it. One head: the old rows
  // come first then.
  ModelSpec head = tiny_gpt2();
  head.num_heads = head.num_kv_heads = 1;
  ModelSpec larger = head;
  larger.head_dim = 11;
  CHECK(error("zero", out, head, larger, none, old) < 1e-9);
}
