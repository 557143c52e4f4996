#include "core/checkpoint/model_files/hf_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/base/text.h"
#include "core/checkpoint/model_files/hf_config_keys.h"

namespace espalier {
namespace {

using nlohmann::json;

constexpr auto kCode = ErrorCode::checkpoint;

// Names of one function in transformers; the first is the one that is written.
using ActivationNames = std::vector<std::pair<Activation, std::vector<std::string>>>;
const ActivationNames& llama_activations() {
  static const ActivationNames names{{Activation::swiglu, {"silu", "swish"}},
                                     {Activation::geglu, {"gelu_pytorch_tanh", "gelu_new", "gelu_fast"}},
                                     {Activation::geglu_erf, {"gelu", "gelu_python"}},
                                     {Activation::reglu, {"relu"}}};
  return names;
}
const ActivationNames& gpt2_activations() {
  static const ActivationNames names{{Activation::gelu, {"gelu_new", "gelu_pytorch_tanh", "gelu_fast"}},
                                     {Activation::gelu_erf, {"gelu", "gelu_python"}},
                                     {Activation::relu, {"relu"}},
                                     {Activation::silu, {"silu", "swish"}},
                                     {Activation::relu2, {"relu2"}}};
  return names;
}

std::string hf_activation(const ActivationNames& names, Activation activation) {
  for (const auto& [ours, theirs] : names)
    if (ours == activation) return theirs.front();
  return {};
}

// Reads a config.json and remembers which keys it has looked at; what is left at the end must be harmless.
class KeyReader {
 public:
  KeyReader(const JsonObject& object, std::string type) : object_(object), type_(std::move(type)) {}

  int64_t integer(const char* key, int64_t fallback) { return note(key), object_.integer(key, fallback); }
  double number(const char* key, double fallback) { return note(key), object_.number(key, fallback); }
  bool flag(const char* key, bool fallback) { return note(key), object_.flag(key, fallback); }
  std::string text(const char* key, const std::string& fallback) { return note(key), object_.text(key, fallback); }
  bool has(const char* key) { return note(key), object_.has(key); }
  void note(const char* key) { seen_.insert(key); }
  const JsonObject& object() const { return object_; }

  Activation activation(const char* key, const std::string& fallback, const ActivationNames& names) {
    const std::string name = text(key, fallback);
    std::vector<std::string> known;
    for (const auto& [ours, theirs] : names) {
      if (std::find(theirs.begin(), theirs.end(), name) != theirs.end()) return ours;
      known.insert(known.end(), theirs.begin(), theirs.end());
    }
    object_.fail(fmt::format("'{}' = {} is not supported", key, brief_json(name)),
                 fmt::format("supported: {}", fmt::join(known, ", ")));
  }

  void refuse_the_rest() const {
    for (const auto& [key, value] : object_.value().items()) {
      if (seen_.count(key) != 0 || value.is_null() || is_harmless_key(type_, key)) continue;
      const auto neutral = neutral_value(type_, key);
      if (neutral && *neutral == value) continue;
      object_.fail(fmt::format("'{}' = {} is not supported{}", valid_utf8(key), brief_json(value),
                               neutral ? ", only " + brief_json(*neutral) : ""),
                   "it may change what the model computes; if you know that it does not, remove the key");
    }
  }

 private:
  const JsonObject& object_;
  std::string type_;
  std::set<std::string> seen_;
};

struct Rotary {
  double theta;
  RopeScaling scaling;
  friend bool operator==(const Rotary&, const Rotary&) = default;
};

// rope_scaling, or rope_parameters, which has the base inside too.
Rotary read_rotary(const JsonObject& object, double theta, int64_t positions) {
  for (const auto& [key, value] : object.value().items()) {
    constexpr std::array known{
        "type",      "rope_type", "factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings",
        "rope_theta"};
    if (std::find(known.begin(), known.end(), key) != known.end() || value.is_null()) continue;
    if (key == "partial_rotary_factor" && value == json(1.0)) continue;
    object.fail(fmt::format("'{}' = {} is not supported", valid_utf8(key), brief_json(value)));
  }
  const std::string type = object.text("rope_type", object.text("type", "default"));
  if (object.text("type", type) != type) object.fail("'rope_type' and 'type' differ");
  Rotary rotary{object.number("rope_theta", theta), {}};
  if (type == "default") return rotary;
  const auto known = rope_scaling_of(type);
  if (!known || type == "none")
    object.fail(fmt::format("'rope_type' = {} is not supported", brief_json(type)),
                "supported: default, linear, llama3");
  rotary.scaling.type = *known;
  rotary.scaling.factor = object.number("factor");
  if (*known == RopeScaling::Type::llama3) {
    rotary.scaling.low_freq_factor = object.number("low_freq_factor");
    rotary.scaling.high_freq_factor = object.number("high_freq_factor");
    rotary.scaling.original_max_position_embeddings = object.integer("original_max_position_embeddings", positions);
  }
  return rotary;
}

Rotary read_rotary(KeyReader& c, int64_t positions) {
  const double theta = c.number("rope_theta", 10000.0);
  std::optional<Rotary> found;
  for (const char* key : {"rope_scaling", "rope_parameters"}) {
    if (!c.has(key)) continue;
    const Rotary read = read_rotary(c.object().object(key), theta, positions);
    if (found && !(*found == read)) c.object().fail("'rope_scaling' and 'rope_parameters' differ");
    found = read;
  }
  if (found && c.has("rope_theta") && found->theta != theta)
    c.object().fail(fmt::format("'rope_theta' is {} and, inside rope_parameters, {}", theta, found->theta));
  return found.value_or(Rotary{theta, {}});
}

ModelSpec llama_spec(KeyReader& c) {
  ModelSpec s;
  s.vocab_size = c.integer("vocab_size", 32000);
  s.tie_embeddings = c.flag("tie_word_embeddings", false);
  s.d_model = c.integer("hidden_size", 4096);
  s.num_layers = c.integer("num_hidden_layers", 32);
  s.num_heads = c.integer("num_attention_heads", 32);
  s.num_kv_heads = c.integer("num_key_value_heads", s.num_heads);
  s.head_dim = c.integer("head_dim", s.num_heads > 0 ? s.d_model / s.num_heads : 0);
  s.d_ff = c.integer("intermediate_size", 11008);
  s.seq_len = c.integer("max_position_embeddings", 2048);
  s.norm_eps = c.number("rms_norm_eps", 1e-6);
  s.attention_bias = c.flag("attention_bias", false);
  s.mlp_bias = c.flag("mlp_bias", false);
  s.activation = c.activation("hidden_act", "silu", llama_activations());
  const Rotary rotary = read_rotary(c, s.seq_len);
  s.rope_theta = rotary.theta;
  s.rope_scaling = rotary.scaling;
  return s;
}

// A size that transformers reads under either name.
int64_t aliased(KeyReader& c, const char* key, const char* alias, int64_t fallback) {
  const int64_t other = c.integer(alias, fallback), value = c.integer(key, other);
  if (c.has(alias) && value != other)
    c.object().fail(fmt::format("'{}' is {} and '{}' is {}", key, value, alias, other));
  return value;
}

ModelSpec gpt2_spec(KeyReader& c) {
  ModelSpec s;
  s.norm = Norm::layernorm;
  s.position = Position::learned;
  s.attention_bias = s.mlp_bias = true;
  s.vocab_size = c.integer("vocab_size", 50257);
  s.tie_embeddings = c.flag("tie_word_embeddings", true);
  s.d_model = aliased(c, "n_embd", "hidden_size", 768);
  s.num_layers = aliased(c, "n_layer", "num_hidden_layers", 12);
  s.num_heads = s.num_kv_heads = aliased(c, "n_head", "num_attention_heads", 12);
  s.seq_len = aliased(c, "n_positions", "max_position_embeddings", 1024);
  if (s.num_heads > 0 && s.d_model % s.num_heads != 0)
    c.object().fail(fmt::format("'n_embd' = {} is not divisible by 'n_head' = {}", s.d_model, s.num_heads));
  s.head_dim = s.num_heads > 0 ? s.d_model / s.num_heads : 0;
  s.d_ff = c.integer("n_inner", 4 * std::clamp<int64_t>(s.d_model, 0, kMaxWidth));
  s.norm_eps = c.number("layer_norm_epsilon", 1e-5);
  s.activation = c.activation("activation_function", "gelu_new", gpt2_activations());
  return s;
}

json scaling_json(const RopeScaling& s) {
  json out = {{"rope_type", name_of(s.type)}, {"factor", s.factor}};
  if (s.type != RopeScaling::Type::llama3) return out;
  out["low_freq_factor"] = s.low_freq_factor;
  out["high_freq_factor"] = s.high_freq_factor;
  out["original_max_position_embeddings"] = s.original_max_position_embeddings;
  return out;
}

json own_config(const ModelSpec& s) {
  json out = {{"model_type", "espalier"},
              {"num_layers", s.num_layers},
              {"d_model", s.d_model},
              {"num_heads", s.num_heads},
              {"num_kv_heads", s.num_kv_heads},
              {"head_dim", s.head_dim},
              {"d_ff", s.d_ff},
              {"seq_len", s.seq_len},
              {"norm", name_of(s.norm)},
              {"position", name_of(s.position)},
              {"activation", name_of(s.activation)},
              {"attention_bias", s.attention_bias},
              {"mlp_bias", s.mlp_bias},
              {"tie_embeddings", s.tie_embeddings},
              {"norm_eps", s.norm_eps},
              {"rope_theta", s.rope_theta}};
  if (s.rope_scaling.type != RopeScaling::Type::none) out["rope_scaling"] = scaling_json(s.rope_scaling);
  return out;
}

template <class Parse>
auto named(KeyReader& c, const char* key, Parse&& parse) {
  const std::string name = (c.note(key), c.object().text(key));
  const auto value = parse(name);
  if (!value) c.object().fail(fmt::format("'{}' = {} is not known", key, brief_json(name)), "update Espalier");
  return *value;
}

ModelSpec own_spec(KeyReader& c) {
  const auto integer = [&](const char* key) { return c.note(key), c.object().integer(key); };
  ModelSpec s;
  s.num_layers = integer("num_layers");
  s.d_model = integer("d_model");
  s.num_heads = integer("num_heads");
  s.num_kv_heads = integer("num_kv_heads");
  s.head_dim = integer("head_dim");
  s.d_ff = integer("d_ff");
  s.vocab_size = integer("vocab_size");
  s.seq_len = integer("seq_len");
  s.norm = named(c, "norm", norm_of);
  s.position = named(c, "position", position_of);
  s.activation = named(c, "activation", activation_of);
  const bool bias = c.flag("bias", false);  // of both, as older files have it
  s.attention_bias = c.flag("attention_bias", bias);
  s.mlp_bias = c.flag("mlp_bias", bias);
  s.tie_embeddings = (c.note("tie_embeddings"), c.object().flag("tie_embeddings"));
  c.note("tie_word_embeddings");  // the same again
  s.norm_eps = (c.note("norm_eps"), c.object().number("norm_eps"));
  const Rotary rotary = read_rotary(c, s.seq_len);
  s.rope_theta = rotary.theta;
  s.rope_scaling = rotary.scaling;
  return s;
}

// The name in config.json of a field of the architecture.
std::string hf_key(const std::string& type, const std::string& key) {
  static const std::map<std::string, std::string> llama{
      {"num_layers", "num_hidden_layers"},  {"d_model", "hidden_size"},
      {"num_heads", "num_attention_heads"}, {"num_kv_heads", "num_key_value_heads"},
      {"d_ff", "intermediate_size"},        {"seq_len", "max_position_embeddings"},
      {"norm_eps", "rms_norm_eps"}};
  static const std::map<std::string, std::string> gpt2{{"num_layers", "n_layer"},  {"d_model", "n_embd"},
                                                       {"num_heads", "n_head"},    {"d_ff", "n_inner"},
                                                       {"seq_len", "n_positions"}, {"norm_eps", "layer_norm_epsilon"}};
  const auto& names = type == "gpt2" ? gpt2 : llama;
  const auto it = names.find(key);
  return type == "espalier" || it == names.end() ? key : it->second;
}

// Integers under a key that holds one or a list of them.
std::vector<int64_t> token_ids(const JsonObject& c, const char* key) {
  if (!c.has(key)) return {};
  const json& value = c.at(key);
  std::vector<int64_t> ids;
  for (const json& id : value.is_array() ? value : json::array({value})) {
    const json one = {{key, id}};
    ids.push_back(JsonObject(one, kCode, c.place(), "config.json").integer(key));
  }
  return ids;
}

void read_token_ids(const JsonObject& c, HfConfig& out) {
  const auto inside = [&](const char* key) {
    std::vector<int64_t> ids = token_ids(c, key);
    const size_t before = ids.size();
    std::erase_if(ids, [&](int64_t id) { return id < 0 || id >= out.spec.vocab_size; });
    if (ids.size() != before)
      out.notes.push_back(fmt::format("{} = {} lies outside the vocabulary of {} and is not used", key,
                                      brief_json(c.at(key)), out.spec.vocab_size));
    return ids;
  };
  out.eos_token_ids = inside("eos_token_id");
  if (const auto bos = inside("bos_token_id"); !bos.empty()) out.bos_token_id = bos.front();
}

void keep(const JsonObject& c, const std::string& type, HfConfig& out) {
  json kept = {{"model_type", type}};
  std::vector<std::string> dropout;
  for (const char* key : {"bos_token_id", "eos_token_id", "pad_token_id", "max_position_embeddings",
                          "initializer_range", "attention_dropout", "attn_pdrop", "embd_pdrop", "resid_pdrop"}) {
    if (!c.has(key)) continue;
    kept[key] = c.at(key);
    const bool drops = std::string_view(key).find("drop") != std::string_view::npos;
    if (drops && c.at(key) != json(0)) dropout.push_back(fmt::format("{} = {}", key, brief_json(c.at(key))));
  }
  out.kept = dump_json(kept);
  if (!dropout.empty())
    out.notes.push_back(fmt::format("{}: training goes on without dropout", fmt::join(dropout, ", ")));
}

}  // namespace

std::string hf_layout(const ModelSpec& s) {
  if (s.norm == Norm::rmsnorm && s.position == Position::rope && s.gated()) return "llama";
  const bool gpt2 = s.norm == Norm::layernorm && s.position == Position::learned && !s.gated() && s.attention_bias &&
                    s.mlp_bias && s.num_kv_heads == s.num_heads && s.num_heads * s.head_dim == s.d_model;
  return gpt2 ? "gpt2" : "espalier";
}

json hf_config(const ModelSpec& s, int64_t eos_token_id, const std::string& kept_json) {
  const std::string layout = hf_layout(s);
  const json kept = own_json(kept_json);
  const bool same_family = JsonObject(kept, kCode, "").text("model_type", "") == layout;
  json config;
  if (layout == "llama") {
    config = {{"architectures", {"LlamaForCausalLM"}},
              {"model_type", "llama"},
              {"hidden_size", s.d_model},
              {"num_hidden_layers", s.num_layers},
              {"num_attention_heads", s.num_heads},
              {"num_key_value_heads", s.num_kv_heads},
              {"head_dim", s.head_dim},
              {"intermediate_size", s.d_ff},
              {"hidden_act", hf_activation(llama_activations(), s.activation)},
              {"rms_norm_eps", s.norm_eps},
              {"rope_theta", s.rope_theta},
              {"max_position_embeddings", s.seq_len},
              {"attention_bias", s.attention_bias},
              {"mlp_bias", s.mlp_bias}};
    if (s.rope_scaling.type != RopeScaling::Type::none) config["rope_scaling"] = scaling_json(s.rope_scaling);
    // Rotary positions have no table: the model still takes the length that it was made for.
    if (same_family)
      config["max_position_embeddings"] =
          std::max(s.seq_len, JsonObject(kept, kCode, "").integer("max_position_embeddings", s.seq_len));
  } else if (layout == "gpt2") {
    config = {{"architectures", {"GPT2LMHeadModel"}},
              {"model_type", "gpt2"},
              {"n_embd", s.d_model},
              {"n_layer", s.num_layers},
              {"n_head", s.num_heads},
              {"n_inner", s.d_ff},
              {"n_positions", s.seq_len},
              {"activation_function", hf_activation(gpt2_activations(), s.activation)},
              {"layer_norm_epsilon", s.norm_eps},
              {"attn_pdrop", 0.0},
              {"embd_pdrop", 0.0},
              {"resid_pdrop", 0.0}};
  } else {
    config = own_config(s);
  }
  config["vocab_size"] = s.vocab_size;
  config["tie_word_embeddings"] = s.tie_embeddings;
  config["torch_dtype"] = "float32";
  if (same_family && layout != "espalier")
    for (const char* key : {"initializer_range", "attention_dropout", "attn_pdrop", "embd_pdrop", "resid_pdrop"})
      if (kept.contains(key)) config[key] = kept[key];
  if (kept.contains("pad_token_id")) config["pad_token_id"] = kept["pad_token_id"];
  if (eos_token_id >= 0) {
    config["bos_token_id"] = kept.value("bos_token_id", json(eos_token_id));
    const json eos = kept.value("eos_token_id", json(eos_token_id));
    const bool listed = eos.is_array() && std::find(eos.begin(), eos.end(), json(eos_token_id)) != eos.end();
    config["eos_token_id"] = listed ? eos : json(eos_token_id);
  }
  return config;
}

HfConfig read_hf_config(const json& config, const std::string& place) {
  const JsonObject object(config, kCode, place, "config.json");
  const std::string type = object.text("model_type");
  if (type != "llama" && type != "gpt2" && type != "espalier")
    throw Error(kCode, fmt::format("a model of type '{}' cannot be read", valid_utf8(type)), place,
                "supported: gpt2, llama and Espalier's own layout");
  KeyReader keys(object, type);
  HfConfig out;
  out.spec = type == "llama" ? llama_spec(keys) : type == "gpt2" ? gpt2_spec(keys) : own_spec(keys);
  keys.note("espalier_layout");
  keys.refuse_the_rest();
  if (const auto problem = check_spec(out.spec); !problem.message.empty()) {
    const std::string key = hf_key(type, problem.key);
    object.fail(key == problem.key ? problem.message : fmt::format("'{}': {}", key, problem.message));
  }
  read_token_ids(object, out);
  keep(object, type, out);
  return out;
}

ModelSpec spec_from_hf(const json& config, const std::string& place) {
  return read_hf_config(config, place).spec;
}

}  // namespace espalier
