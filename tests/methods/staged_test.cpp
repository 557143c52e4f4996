// Staged training on real weights (Shen et al. 2022): the loss and the optimizer's moments grow together.
#include <ATen/ATen.h>
#include <algorithm>

#include "catch.h"
#include "methods/width_cases.h"

using namespace espalier;
using namespace espalier::test;

namespace {

using List = std::vector<int64_t>;

ModelSpec doubled(ModelSpec spec) {
  spec.d_model *= 2, spec.num_heads *= 2, spec.num_kv_heads *= 2, spec.d_ff *= 2;
  return spec;
}

// The settings above, and squared ReLU, for which methods differ most easily.
std::vector<ModelSpec> settings() {
  std::vector<ModelSpec> out = width_settings();
  out.push_back(tiny_gpt2());
  out.back().activation = Activation::relu2;
  return out;
}

// Without noise unless it is asked for: the paper's own growth, whose identities hold to the last digits.
plugin::GrowthPlugin staged(Settings extra = {}) {
  extra.emplace("num_layers", List{1});
  extra.emplace("noise", 0.0);
  return make_method("staged", extra);
}

// The parts of a doubled tensor that hold old values: diagonal blocks, or both halves.
std::vector<at::Tensor> halves(const ParamInfo& info, const at::Tensor& grown) {
  if (!info.is_matrix()) return {grown.chunk(2, 0)[0], grown.chunk(2, 0)[1]};
  if (info.axes[0] == "vocab" || info.axes[0] == "seq") return {grown.chunk(2, 1)[0], grown.chunk(2, 1)[1]};
  return {grown.chunk(2, 0)[0].chunk(2, 1)[0], grown.chunk(2, 0)[1].chunk(2, 1)[1]};
}
ParamInfo from_infos(const ModelSpec& spec, const std::string& name) {
  for (const ParamInfo& info : param_infos(spec))
    if (info.name == name) return info;
  FAIL("no parameter " << name);
  return {};
}
// The off-diagonal blocks of a linear weight; none for others.
std::vector<at::Tensor> crossings(const ParamInfo& info, const at::Tensor& grown) {
  if (!info.is_matrix() || info.axes[0] == "vocab" || info.axes[0] == "seq") return {};
  return {grown.chunk(2, 0)[0].chunk(2, 1)[1], grown.chunk(2, 0)[1].chunk(2, 1)[0]};
}

}  // namespace

TEST_CASE("block-diagonal doubling keeps the logits", "[methods][staged]") {
  auto method = staged();
  for (const ModelSpec& from : settings()) {
    INFO(text(from));
    CHECK(logit_change(*method.strategy, from, doubled(from)) < 1e-11);
    CHECK(method.strategy->plan(from, doubled(from)).preserving_tol.has_value());
  }
}

TEST_CASE("gradients behind the final norm halve, off the diagonal too, and its own do not", "[methods][staged]") {
  for (const ModelSpec& from : settings()) {
    const Model small = random_model(from, 3), large = grow(*staged().strategy, small, doubled(from));
    const at::Tensor tokens = random_tokens(from, 3, 5);
    const auto before = gradients(small, tokens), after = gradients(large, tokens);
    for (const auto& param : small.params) {
      const double factor = param.info.role == "final_norm" ? 1.0 : 0.5;
      const at::Tensor expected = factor * before.at(param.info.name);
      INFO(text(from) << " " << param.info.name);
      if (!param.info.name.ends_with("attn.k.bias"))  // softmax does not see what all keys share
        CHECK(expected.abs().max().item<double>() > 1e-6);
      for (const at::Tensor& part : halves(param.info, after.at(param.info.name)))
        CHECK(max_diff(part, expected) < 1e-12);
      // The true gradient off the diagonal is not zero: the moments that the paper puts there (zero) are not it.
      for (const at::Tensor& part : crossings(param.info, after.at(param.info.name)))
        CHECK(max_diff(part, expected) < 1e-12);
    }
  }
}

TEST_CASE("mapped moments are those of a large model that saw the same batches", "[methods][staged]") {
  for (const ModelSpec& from : settings()) {
    Model small = random_model(from, 3);
    const Model large = grow(*staged().strategy, small, doubled(from));
    const auto before = gradients(small, random_tokens(from, 3, 5));
    const auto after = gradients(large, random_tokens(from, 3, 5));
    for (auto& [name, moments] : small.state)
      moments = {0.1 * before.at(name), 0.001 * before.at(name).square(), 1};  // AdamW's after one batch
    const Model grown = grow(*staged().strategy, small, doubled(from));
    CHECK(grown.state.size() == small.state.size());
    for (const auto& param : small.params) {
      const auto& moments = grown.state.at(param.info.name);
      const at::Tensor gradient = after.at(param.info.name);
      INFO(text(from) << " " << param.info.name);
      CHECK(moments.step == 1);
      const auto compare = [&](const at::Tensor& mapped, const at::Tensor& replica) {
        const auto got = halves(param.info, mapped), expected = halves(param.info, replica);
        for (size_t i = 0; i < got.size(); ++i) CHECK(max_diff(got[i], expected[i]) < 1e-13);
        for (const at::Tensor& part : crossings(param.info, mapped)) CHECK(part.count_nonzero().item<int64_t>() == 0);
      };
      compare(moments.exp_avg, 0.1 * gradient);
      compare(moments.exp_avg_sq, 0.001 * gradient.square());
    }
  }
}

TEST_CASE("noise keeps the logits, in width and in depth and width", "[methods][staged]") {
  for (const double noise : {1e-4, 0.1}) {
    auto method = staged({{"noise", noise}});
    for (const ModelSpec& from : settings()) {
      INFO(text(from) << " " << noise);
      ModelSpec to = doubled(from);
      CHECK(logit_change(*method.strategy, from, to) < 1e-10);
      to.num_layers *= 2;
      CHECK(logit_change(*method.strategy, from, to) < 1e-10);
      CHECK(method.strategy->plan(from, to).preserving_tol.has_value());
    }
  }
}

TEST_CASE("by default the halves part in training; without noise they stay equal", "[methods][staged]") {
  const ModelSpec from = tiny_llama(), to = doubled(from);
  const Model small = random_model(from, 3);
  const auto gap_after = [&](const Settings& settings, int steps) {
    Model large = grow(*make_method("staged", settings).strategy, small, to);
    for (int step = 0; step < steps; ++step) {
      const auto grads = gradients(large, random_tokens(to, 3, static_cast<uint64_t>(step)));
      for (const auto& param : large.params) param.value.sub_(grads.at(param.info.name), 0.5);
    }
    const auto parts = halves(from_infos(to, "layers.1.mlp.up.weight"), large.params.at("layers.1.mlp.up.weight"));
    return max_diff(parts[0], parts[1]);
  };
  const Settings none{{"num_layers", List{1}}, {"noise", 0.0}}, standard{{"num_layers", List{1}}};
  const double at_start = gap_after(standard, 0), trained = gap_after(standard, 20);
  CHECK(at_start > 1e-5);  // small beside weights of 0.2,
  CHECK(at_start < 1e-3);
  CHECK(trained > 2 * at_start);  // and growing
  CHECK(gap_after(none, 20) < 1e-12);
}

TEST_CASE("the noise has the stated size and is drawn apart for each half", "[methods][staged]") {
  const ModelSpec from = tiny_gpt2(), to = doubled(from);
  const Model small = random_model(from, 3);
  const Model large = grow(*staged({{"noise", 0.01}}).strategy, small, to);
  const at::Tensor old = small.params.at("layers.0.attn.q.weight"), grown = large.params.at("layers.0.attn.q.weight");
  const auto rows = grown.chunk(2, 0);
  CHECK(max_diff(rows[0].chunk(2, 1)[0] + rows[0].chunk(2, 1)[1], old) < 1e-15);
  CHECK(max_diff(rows[1].chunk(2, 1)[0] + rows[1].chunk(2, 1)[1], old) < 1e-15);
  const at::Tensor upper = rows[0].chunk(2, 1)[1], lower = rows[1].chunk(2, 1)[0];
  CHECK(upper.std().item<double>() == Approx(0.01).epsilon(0.1));
  CHECK(lower.std().item<double>() == Approx(0.01).epsilon(0.1));
  CHECK(std::abs((upper * lower).mean().item<double>()) < 1e-5);
  CHECK(large.params.at("embed.weight").chunk(2, 1)[0].equal(small.params.at("embed.weight")));
}

TEST_CASE("moments can start fresh instead", "[methods][staged]") {
  const Model small = random_model(tiny_llama(), 3);
  const Model wide = grow(*staged({{"moments", "zero"}}).strategy, small, doubled(tiny_llama()));
  CHECK(wide.state.empty());
  const Model deep = grow(*staged({{"moments", "zero"}, {"depth", "copy"}}).strategy, small, tiny_llama(4));
  CHECK(deep.state.count("layers.0.attn.q.weight") == 1);
  CHECK(deep.state.count("layers.1.attn.q.weight") == 0);
}

TEST_CASE("depth doubles by identity layers without a bit of change, or by copies with their moments",
          "[methods][staged]") {
  const std::map<std::string, List> order = {{"alternate", {0, 0, 1, 1, 2, 2}}, {"append", {0, 1, 2, 0, 1, 2}}};
  for (const auto& [layout, sources] : order)
    for (const char* depth : {"identity", "copy"})
      for (const ModelSpec& from : width_settings(3)) {
        auto method = staged({{"depth", depth}, {"layout", layout.c_str()}});
        ModelSpec to = from;
        to.num_layers = 6;
        const Model before = random_model(from, 3), after = grow(*method.strategy, before, to);
        const bool identity = std::string(depth) == "identity";
        for (const auto& param : after.params) {
          if (param.info.layer < 0) continue;
          const auto layer = static_cast<size_t>(param.info.layer);
          const std::string old =
              "layers." + std::to_string(sources[layer]) + param.info.name.substr(param.info.name.find('.', 7));
          const bool inserted = std::count(sources.begin(), sources.begin() + param.info.layer, sources[layer]) > 0;
          const bool silent = identity && inserted && (param.info.role == "attn.o" || param.info.role == "mlp.down");
          CHECK(param.value.equal(silent ? at::zeros_like(param.value) : before.params.at(old)));
          CHECK(after.state.count(param.info.name) == (silent ? 0 : 1));
        }
        const double change = max_diff(logits(after, random_tokens(to, 2, 1)), logits(before, random_tokens(to, 2, 1)));
        CHECK((identity ? change == 0 : change > 1e-2));
        CHECK(method.strategy->plan(from, to).preserving_tol.has_value() == identity);
      }
}

TEST_CASE("width and depth at once, and in two hops", "[methods][staged]") {
  auto method = make_method("staged", {{"num_layers", List{1, 2}},
                                       {"d_model", List{8, 16}},
                                       {"num_heads", List{1, 2}},
                                       {"num_kv_heads", List{1, 2}},
                                       {"d_ff", List{12, 24}}});
  for (ModelSpec last : {tiny_llama(4), tiny_gpt2(4)}) {
    last.num_kv_heads = 4;
    REQUIRE(method.strategy->num_stages(last) == 3);
    Model model = random_model(method.strategy->stage_spec(last, 0), 11);
    const at::Tensor tokens = random_tokens(last, 2, 2), start = logits(model, tokens);
    for (int64_t stage : {1, 2}) {
      model = grow(*method.strategy, model, method.strategy->stage_spec(last, stage), 7, stage);
      CHECK(max_diff(logits(model, tokens), start) < 1e-11);
    }
  }
}

TEST_CASE("anything but doubling is refused", "[methods][staged]") {
  const auto refusal = [](const Settings& settings) {
    return error_of([&] { make_method("staged", settings).strategy->num_stages(tiny_llama(4)); });
  };
  CHECK(refusal({{"num_layers", List{1}}}).find("num_layers 1 can stay or double, not become 4") != std::string::npos);
  CHECK(refusal({{"d_model", List{16}}}).find("double together or not at all") != std::string::npos);
  CHECK(refusal({{"num_layers", List{2}}}) == "no error");
}
