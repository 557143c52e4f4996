#include <ATen/ATen.h>

#include <fstream>

#include "catch.h"
#include "core/base/json.h"
#include "core/checkpoint/model_files/hf_param_names.h"
#include "core/checkpoint/model_files/model_folder.h"
#include "core/checkpoint/snapshot/checkpoint.h"
#include "core/model/init.h"
#include "support/temp_dir.h"
#include "support/tiny_model.h"

using namespace espalier;
using Catch::Contains;
using nlohmann::json;

namespace {

// As transformers writes them.
json llama() {
  return json::parse(R"({
    "architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 1,
    "eos_token_id": 2, "head_dim": 8, "hidden_act": "silu", "hidden_size": 32, "initializer_range": 0.02,
    "intermediate_size": 48, "max_position_embeddings": 64, "mlp_bias": false, "model_type": "llama",
    "num_attention_heads": 4, "num_hidden_layers": 2, "num_key_value_heads": 2, "pretraining_tp": 1,
    "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 500.0, "tie_word_embeddings": false,
    "torch_dtype": "bfloat16", "transformers_version": "4.50.0", "use_cache": true, "vocab_size": 61})");
}
json gpt2() {
  return json::parse(R"({
    "activation_function": "gelu_new", "add_cross_attention": false, "architectures": ["GPT2LMHeadModel"],
    "attn_pdrop": 0.1, "bos_token_id": 60, "dtype": "float32", "embd_pdrop": 0.1, "eos_token_id": 60,
    "layer_norm_epsilon": 1e-05, "model_type": "gpt2", "n_embd": 32, "n_head": 4, "n_inner": null, "n_layer": 2,
    "n_positions": 16, "reorder_and_upcast_attn": false, "resid_pdrop": 0.0, "scale_attn_by_inverse_layer_idx": false,
    "scale_attn_weights": true, "summary_type": "cls_index", "use_cache": true, "vocab_size": 61})");
}

HfConfig read(const json& config) {
  return read_hf_config(config, "config.json");
}
json with(json config, const std::string& key, json value) {
  config[key] = std::move(value);
  return config;
}

}  // namespace

TEST_CASE("each key of a Llama config is honoured", "[hf_config]") {
  ModelSpec expected;
  expected.num_layers = 2;
  expected.d_model = 32;
  expected.num_heads = 4;
  expected.num_kv_heads = 2;
  expected.head_dim = 8;
  expected.d_ff = 48;
  expected.vocab_size = 61;
  expected.seq_len = 64;
  expected.tie_embeddings = false;
  expected.norm_eps = 1e-6;
  expected.rope_theta = 500;
  const HfConfig plain = read(llama());
  CHECK(plain.spec == expected);
  CHECK(plain.bos_token_id == 1);
  CHECK(plain.eos_token_ids == std::vector<int64_t>{2});
  CHECK(plain.start_token(2) == 1);
  CHECK(plain.notes.empty());

  CHECK(read(with(llama(), "attention_bias", true)).spec.attention_bias);
  CHECK_FALSE(read(with(llama(), "attention_bias", true)).spec.mlp_bias);
  CHECK(read(with(llama(), "mlp_bias", true)).spec.mlp_bias);
  CHECK(read(with(llama(), "hidden_act", "gelu")).spec.activation == Activation::geglu_erf);
  CHECK(read(with(llama(), "hidden_act", "gelu_pytorch_tanh")).spec.activation == Activation::geglu);
  CHECK(read(with(llama(), "hidden_act", "relu")).spec.activation == Activation::reglu);
  CHECK(read(with(llama(), "eos_token_id", {2, 5})).eos_token_ids == std::vector<int64_t>{2, 5});

  const json scaled = json::parse(R"({"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,
    "original_max_position_embeddings":16})");
  const RopeScaling llama3{RopeScaling::Type::llama3, 8, 1, 4, 16};
  CHECK(read(with(llama(), "rope_scaling", scaled)).spec.rope_scaling == llama3);
  json newer = llama();
  newer.erase("rope_theta");
  newer.erase("rope_scaling");
  newer["rope_parameters"] = scaled;
  newer["rope_parameters"]["rope_theta"] = 500.0;
  CHECK(read(newer).spec.rope_scaling == llama3);
  CHECK(read(newer).spec.rope_theta == 500);
  CHECK(read(with(llama(), "rope_scaling", {{"type", "linear"}, {"factor", 2.5}})).spec.rope_scaling.factor == 2.5);
  CHECK(read(with(llama(), "rope_scaling", {{"rope_type", "default"}})).spec == expected);
}

TEST_CASE("each key of a GPT-2 config is honoured", "[hf_config]") {
  const HfConfig plain = read(gpt2());
  ModelSpec expected = tiny_gpt2(2);
  expected.d_ff = 128;
  CHECK(plain.spec == expected);
  REQUIRE(plain.notes.size() == 1);
  CHECK(plain.notes[0] == "attn_pdrop = 0.1, embd_pdrop = 0.1: training goes on without dropout");
  CHECK(read(with(gpt2(), "activation_function", "gelu")).spec.activation == Activation::gelu_erf);
  CHECK(read(with(gpt2(), "activation_function", "relu")).spec.activation == Activation::relu);
  json aliased = gpt2();
  aliased.erase("n_layer");
  aliased["num_hidden_layers"] = 3;
  CHECK(read(aliased).spec.num_layers == 3);
  CHECK_THROWS_WITH(read(with(gpt2(), "num_hidden_layers", 3)),
                    Contains("'n_layer' is 2 and 'num_hidden_layers' is 3"));
}

TEST_CASE("null and absent mean the default of transformers", "[hf_config]") {
  for (const auto& full : {llama(), gpt2()})
    for (const auto& [key, value] : full.items()) {
      CAPTURE(key);
      if (key == "model_type") continue;
      json null = full, absent = full;
      null[key] = nullptr;
      absent.erase(key);
      json a, b;  // the same architecture, or the same complaint
      try {
        a = hf_config(read(null).spec, -1);
      } catch (const Error& error) {
        a = error.what();
      }
      try {
        b = hf_config(read(absent).spec, -1);
      } catch (const Error& error) {
        b = error.what();
      }
      CHECK(a == b);
    }
  json config = llama();
  for (const char* key : {"rms_norm_eps", "rope_theta", "num_key_value_heads", "head_dim", "max_position_embeddings"})
    config[key] = nullptr;
  const ModelSpec spec = read(config).spec;
  CHECK(spec.norm_eps == 1e-6);
  CHECK(spec.rope_theta == 10000);
  CHECK(spec.num_kv_heads == 4);
  CHECK(spec.head_dim == 8);
  CHECK(spec.seq_len == 2048);
}

TEST_CASE("what would change the model is refused by name and value", "[hf_config]") {
  const auto refused = [](const json& config, const std::string& text) {
    CHECK_THROWS_AS(read(config), Error);
    CHECK_THROWS_WITH(read(config), Catch::StartsWith("config.json: ") && Contains(text));
  };
  refused(with(llama(), "hidden_act", "quick_gelu"), "'hidden_act' = \"quick_gelu\" is not supported");
  refused(with(llama(), "rope_scaling", {{"rope_type", "yarn"}, {"factor", 4.0}}), "'rope_type' = \"yarn\"");
  refused(with(llama(), "rope_scaling", {{"rope_type", "dynamic"}, {"factor", 4.0}}), "'rope_type' = \"dynamic\"");
  refused(with(llama(), "rope_scaling", {{"rope_type", "linear"}}), "lacks 'factor'");
  refused(with(llama(), "rope_scaling", {{"rope_type", "linear"}, {"factor", 0.5}}), "factor must be at least 1");
  refused(with(llama(), "rope_scaling", {{"rope_type", "linear"}, {"factor", 2.0}, {"beta", 1}}), "'beta' = 1");
  refused(with(llama(), "rope_scaling", {{"rope_type", "linear"}, {"type", "llama3"}, {"factor", 2.0}}), "differ");
  refused(with(llama(), "rope_scaling", "linear"), "'rope_scaling' must be an object");
  refused(with(llama(), "rope_parameters", {{"rope_theta", 10.0}}), "'rope_theta' is 500");
  refused(with(llama(), "sliding_window", 4096), "'sliding_window' = 4096 is not supported");
  refused(with(llama(), "quantization_config", {{"bits", 4}}), "'quantization_config' = {\"bits\":4}");
  refused(with(llama(), "partial_rotary_factor", 0.5), "'partial_rotary_factor' = 0.5 is not supported, only 1.0");
  refused(with(gpt2(), "scale_attn_weights", false), "'scale_attn_weights' = false");
  refused(with(gpt2(), "scale_attn_by_inverse_layer_idx", true), "'scale_attn_by_inverse_layer_idx' = true");
  refused(with(gpt2(), "activation_function", "tanh"), "'activation_function' = \"tanh\"");
  refused(with(llama(), "hidden_size", "32"), "'hidden_size' must be an integer, not \"32\"");
  refused(with(llama(), "hidden_size", 32.5), "'hidden_size' must be an integer, not 32.5");
  refused(with(llama(), "rms_norm_eps", "1e999"), "'rms_norm_eps' must be a number");
  refused(with(llama(), "attention_bias", 1), "'attention_bias' must be true or false, not 1");
  refused(with(llama(), "eos_token_id", "2"), "'eos_token_id' must be an integer");
  CHECK_THROWS_WITH(read(json::array()), Contains("not a JSON object"));
}

TEST_CASE("numbers that cannot be are refused before anything is computed with them", "[hf_config]") {
  const int64_t huge = int64_t{1} << 31;
  for (const auto& [key, value] : std::vector<std::pair<const char*, json>>{{"num_attention_heads", 0},
                                                                            {"num_attention_heads", -4},
                                                                            {"num_key_value_heads", 0},
                                                                            {"num_key_value_heads", 3},
                                                                            {"max_position_embeddings", 0},
                                                                            {"num_hidden_layers", 0},
                                                                            {"num_hidden_layers", huge},
                                                                            {"num_hidden_layers", 1e9},
                                                                            {"hidden_size", huge},
                                                                            {"hidden_size", INT64_MIN},
                                                                            {"hidden_size", INT64_MAX},
                                                                            {"vocab_size", -1},
                                                                            {"vocab_size", UINT64_MAX},
                                                                            {"intermediate_size", huge},
                                                                            {"head_dim", 7},
                                                                            {"head_dim", huge},
                                                                            {"rope_theta", 0},
                                                                            {"rope_theta", -1},
                                                                            {"rms_norm_eps", -1e-6}}) {
    CAPTURE(key, value);
    json config = llama();
    if (std::string(key) == "hidden_size") config.erase("head_dim");
    CHECK_THROWS_AS(read(with(config, key, value)), Error);
    CHECK_THROWS_WITH(read(with(config, key, value)), Contains(key) || Contains("head_dim"));
  }
  for (const char* key : {"n_head", "n_positions", "n_layer", "n_embd"})
    for (const json& value : {json(0), json(-1), json(INT64_MIN), json(INT64_MAX), json(huge)}) {
      CAPTURE(key, value);
      CHECK_THROWS_AS(read(with(gpt2(), key, value)), Error);
    }
}

TEST_CASE("token ids outside the vocabulary are said and not used", "[hf_config]") {
  const HfConfig config = read(with(with(llama(), "bos_token_id", 50256), "eos_token_id", {2, -1}));
  CHECK_FALSE(config.bos_token_id);
  CHECK(config.start_token(2) == 2);
  CHECK(config.eos_token_ids == std::vector<int64_t>{2});
  REQUIRE(config.notes.size() == 2);
  CHECK_THAT(config.notes[1], Contains("bos_token_id = 50256 lies outside the vocabulary of 61"));
}

TEST_CASE("what was read is written back when training goes on", "[hf_config]") {
  json source = with(llama(), "rope_scaling",
                     {{"rope_type", "llama3"},
                      {"factor", 8.0},
                      {"low_freq_factor", 1.0},
                      {"high_freq_factor", 4.0},
                      {"original_max_position_embeddings", 16}});
  source["eos_token_id"] = {2, 5};
  source["pad_token_id"] = 3;
  source["hidden_act"] = "gelu";
  HfConfig config = read(source);
  config.spec.seq_len = 16;  // of the run that goes on
  const json written = hf_config(config.spec, 2, config.kept);
  for (const char* key : {"rope_scaling", "bos_token_id", "eos_token_id", "pad_token_id", "max_position_embeddings",
                          "initializer_range", "attention_dropout", "hidden_act", "mlp_bias", "rope_theta"}) {
    CAPTURE(key);
    CHECK(written[key] == source[key]);
  }
  CHECK(written["torch_dtype"] == "float32");  // what the weights beside it are
  CHECK(read(written).spec == read(source).spec);
  CHECK(hf_config(config.spec, 9, config.kept)["eos_token_id"] == 9);  // the tokenizer's, where it is not in the list
  // A longer run than the source was made for, and GPT-2, whose positions are a table.
  config.spec.seq_len = 128;
  CHECK(hf_config(config.spec, 2, config.kept)["max_position_embeddings"] == 128);
  HfConfig small = read(gpt2());
  CHECK(hf_config(small.spec, 60, small.kept)["attn_pdrop"] == 0.1);
  CHECK(hf_config(small.spec, 60, small.kept)["n_positions"] == 16);
}

TEST_CASE("every architecture reads back as it was written", "[hf_config]") {
  std::vector<ModelSpec> specs;
  for (const ModelSpec& base : {tiny_llama(2), tiny_gpt2(2)})
    for (const std::string& name : activation_names())
      for (const bool attention : {false, true})
        for (const bool mlp : {false, true}) {
          ModelSpec spec = base;
          spec.activation = *activation_of(name);
          spec.attention_bias = attention;
          spec.mlp_bias = mlp;
          specs.push_back(spec);
          if (base.position == Position::learned) continue;
          spec.rope_scaling = {RopeScaling::Type::linear, 2, 1, 4, 8192};
          specs.push_back(spec);
          spec.rope_scaling = {RopeScaling::Type::llama3, 8, 1, 4, 32};
          specs.push_back(spec);
        }
  for (const ModelSpec& spec : specs) {
    const json written = hf_config(spec, 3);
    CAPTURE(written.dump());
    CHECK(spec_differences(spec_from_hf(written, "config.json"), spec).empty());
    CHECK(spec_from_hf(written, "config.json") == spec);
  }
}

TEST_CASE("tensors that are left over are harmless, or refused by name", "[hf_config]") {
  const TempDir dir;
  const auto write = [&](const ModelSpec& spec, const TensorMap& more) {
    const ParamTable params = init_params(spec, 1, 0.1, spec.num_layers);
    TensorMap tensors = to_hf(spec, params);
    for (const auto& [name, tensor] : more) tensors[name] = tensor;
    write_safetensors(dir.path() / "model.safetensors", tensors);
    std::ofstream(dir.path() / "config.json") << hf_config(spec, 0).dump();
    return params;
  };
  const at::Tensor some = at::ones({4});
  const auto tied = write(tiny_llama(2), {{"model.layers.0.self_attn.rotary_emb.inv_freq", some}});
  CHECK(load_model(dir.path()).params.at("embed.weight").equal(tied.at("embed.weight")));
  write(tiny_gpt2(2), {{"h.0.attn.bias", some}, {"transformer.h.1.attn.masked_bias", some}});
  CHECK_NOTHROW(load_model(dir.path()));
  write(tiny_llama(2), {{"lm_head.weight", tied.at("embed.weight")}});
  CHECK_NOTHROW(load_model(dir.path()));
  write(tiny_llama(2), {{"lm_head.weight", tied.at("embed.weight") + 1}});
  CHECK_THROWS_WITH(load_model(dir.path()), Contains("'lm_head.weight' differs from the embedding"));
  write(tiny_llama(2), {{"score.weight", some}, {"model.layers.2.mlp.up_proj.weight", some}});
  CHECK_THROWS_WITH(load_model(dir.path()),
                    Contains("'model.layers.2.mlp.up_proj.weight' and 1 more has no place in the model"));
  write(tiny_llama(2), {{"model.layers.0.self_attn.q_proj.bias", at::ones({32})}});
  CHECK_THROWS_WITH(load_model(dir.path()), Contains("'model.layers.0.self_attn.q_proj.bias' has no place"));

  write(tiny_llama(2), {});
  json config = hf_config(tiny_llama(2), 0);
  config["num_hidden_layers"] = 9000;
  std::ofstream(dir.path() / "config.json") << config.dump();
  CHECK_THROWS_WITH(load_model(dir.path()), Contains("too few for the 9000 layers"));
  config["num_hidden_layers"] = 3;
  std::ofstream(dir.path() / "config.json") << config.dump();
  CHECK_THROWS_WITH(load_model(dir.path()), Contains("'model.layers.2.input_layernorm.weight' is missing"));
  config["num_hidden_layers"] = 2;
  config["intermediate_size"] = 47;
  std::ofstream(dir.path() / "config.json") << config.dump();
  CHECK_THROWS_WITH(load_model(dir.path()), Contains("has the shape [48, 32]") && Contains("[47, 32]"));
}

TEST_CASE("two architectures differ in what is named", "[hf_config]") {
  ModelSpec a = tiny_llama(2), b = a;
  CHECK(spec_differences(a, b).empty());
  b.norm_eps = 1e-6;
  b.rope_theta = 500000;
  b.tie_embeddings = false;
  b.rope_scaling.type = RopeScaling::Type::linear;
  CHECK(spec_differences(a, b) ==
        "tie_embeddings true instead of false, norm_eps 1e-05 instead of 1e-06, rope_theta 10000 instead of 500000, "
        "rope_scaling.type none instead of linear");
}
