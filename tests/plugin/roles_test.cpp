// Rules about the roles of parameters are written twice, for the host and for plugins that know nothing of it.
#include "core/model/roles.h"

#include <espalier/cpp/roles.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "catch.h"
#include "core/plugin/plan_slots.h"

namespace fs = std::filesystem;
namespace sdk = espalier::sdk;
using espalier::ModelSpec;
using espalier::ParamInfo;
using Names = std::set<std::string>;

namespace {

// Every switch that adds or takes a parameter.
std::vector<ModelSpec> families() {
  ModelSpec llama;
  llama.num_layers = 2, llama.d_model = 8, llama.num_heads = 2, llama.num_kv_heads = 1, llama.head_dim = 4;
  llama.d_ff = 12, llama.vocab_size = 11, llama.seq_len = 6, llama.tie_embeddings = false;
  ModelSpec gpt2 = llama;
  gpt2.num_kv_heads = 2, gpt2.norm = espalier::Norm::layernorm, gpt2.position = espalier::Position::learned;
  gpt2.activation = espalier::Activation::gelu, gpt2.attention_bias = gpt2.mlp_bias = gpt2.tie_embeddings = true;
  return {llama, gpt2};
}

template <class Rule>
Names of_host(const ModelSpec& spec, Rule&& rule) {
  Names names;
  for (const ParamInfo& info : espalier::param_infos(spec)) {
    if (rule(info)) names.insert(info.name);
  }
  return names;
}

template <class Rule>
Names of_plugins(const ModelSpec& spec, Rule&& rule) {
  const espalier::plugin::ArchView view(spec);
  const sdk::Arch arch(view.table());
  Names names;
  for (const sdk::Param& param : arch.params()) {
    if (rule(param)) names.insert(std::string(param.name()));
  }
  return names;
}

// "layers.0.attn.o" of "layers.0.attn.o.bias".
std::string module_of(const ParamInfo& info) {
  return info.name.substr(0, info.name.rfind('.'));
}

// Weights and biases of the modules that have a matrix for which `rule` holds.
template <class Rule>
Names of_modules(const ModelSpec& spec, Rule&& rule) {
  Names modules;
  for (const ParamInfo& info : espalier::param_infos(spec)) {
    if (info.is_matrix() && rule(info)) modules.insert(module_of(info));
  }
  return of_host(spec, [&](const ParamInfo& info) { return modules.count(module_of(info)) == 1; });
}

std::string text_of(const fs::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

}  // namespace

TEST_CASE("host and plugins agree on what writes into the residual stream", "[plugin][growth]") {
  for (const ModelSpec& spec : families()) {
    // Told from the shapes alone: the matrices of a block whose outputs are the stream's dimensions.
    const Names expected =
        of_modules(spec, [](const ParamInfo& info) { return info.layer >= 0 && info.axes[0] == "d_model"; });
    CHECK(expected.size() == (spec.attention_bias ? 8 : 4));
    CHECK(of_host(spec, [](const ParamInfo& info) { return espalier::writes_residual(info); }) == expected);
    CHECK(of_plugins(spec, [](const sdk::Param& param) { return sdk::writes_residual(param); }) == expected);
  }
}

TEST_CASE("host and plugins agree on what is a norm", "[plugin][growth]") {
  for (const ModelSpec& spec : families()) {
    // Told from the shapes alone: what belongs to no matrix.
    const Names linear = of_modules(spec, [](const ParamInfo&) { return true; });
    const Names expected = of_host(spec, [&](const ParamInfo& info) { return linear.count(info.name) == 0; });
    CHECK(expected.size() == (spec.norm == espalier::Norm::layernorm ? 10 : 5));
    CHECK(of_host(spec, [](const ParamInfo& info) { return espalier::is_norm(info); }) == expected);
    CHECK(of_plugins(spec, [](const sdk::Param& param) { return sdk::is_norm(param); }) == expected);
  }
}

TEST_CASE("sides of a parameter fit the axes that the host names", "[plugin][growth]") {
  for (const ModelSpec& spec : families()) {
    const espalier::plugin::ArchView view(spec);
    const sdk::Arch arch(view.table());
    for (const sdk::Param& param : arch.params()) {
      INFO(param.name());
      for (std::size_t dim = 0; dim < param.shape().size(); ++dim) {
        const std::string_view axis = param.axis(dim);
        const sdk::Side side = sdk::side_of(param, dim);
        CHECK((side == sdk::Side::kFixed) == (axis == "vocab" || axis == "seq"));
        // Heads and hidden units are made inside a block, and used there by what writes back.
        if (axis == "q" || axis == "kv" || axis == "d_ff") {
          CHECK((side == sdk::Side::kConsumed) == sdk::writes_residual(param));
        }
      }
    }
  }
}

TEST_CASE("code compares roles with names that exist", "[plugin][growth]") {
  Names roles;
  for (const ModelSpec& spec : families()) {
    for (const ParamInfo& info : espalier::param_infos(spec)) roles.insert(info.role);
  }
  const fs::path root = TEST_SOURCE_ROOT;
  const std::regex compared("role(?:\\(\\))? [=!]= \"([^\"]*)\"");
  int seen = 0;
  for (const char* folder : {"core", "plugins/growth", "sdk/include"}) {
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(root / folder)) {
      if (!entry.is_regular_file()) continue;
      const std::string text = text_of(entry.path());
      for (std::sregex_iterator it(text.begin(), text.end(), compared), end; it != end; ++it, ++seen) {
        INFO(entry.path());
        CHECK(roles.count((*it)[1]) == 1);
      }
    }
  }
  CHECK(seen > 20);
}
