#include "core/model/spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "core/base/checked.h"

namespace espalier {

int64_t ParamInfo::numel() const {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

namespace {

// Collects parameters in model order.
class Lister {
 public:
  explicit Lister(const ModelSpec& spec) : spec_(spec) {}

  void linear(const std::string& prefix, const std::string& role, int layer, const char* out, const char* in) {
    const std::string name = prefix + role;
    params.push_back({name + ".weight", role, layer, {size(out), size(in)}, {out, in}});
    const bool bias = role.starts_with("attn.") ? spec_.attention_bias : spec_.mlp_bias;
    if (bias) params.push_back({name + ".bias", role, layer, {size(out)}, {out}});
  }
  void norm(const std::string& prefix, const std::string& role, int layer) {
    const std::string name = prefix + role;
    params.push_back({name + ".weight", role, layer, {spec_.d_model}, {"d_model"}});
    if (spec_.norm == Norm::layernorm) params.push_back({name + ".bias", role, layer, {spec_.d_model}, {"d_model"}});
  }
  void table(const std::string& role, const char* rows) {
    params.push_back({role + ".weight", role, -1, {size(rows), spec_.d_model}, {rows, "d_model"}});
  }

  std::vector<ParamInfo> params;

 private:
  int64_t size(const std::string& axis) const {
    if (axis == "vocab") return spec_.vocab_size;
    if (axis == "seq") return spec_.seq_len;
    if (axis == "q") return spec_.num_heads * spec_.head_dim;
    if (axis == "kv") return spec_.num_kv_heads * spec_.head_dim;
    return axis == "d_ff" ? spec_.d_ff : spec_.d_model;
  }
  const ModelSpec& spec_;
};

}  // namespace

namespace {

SpecProblem check_scaling(const ModelSpec& spec) {
  const RopeScaling& scaling = spec.rope_scaling;
  if (scaling.type == RopeScaling::Type::none) return {};
  if (spec.position != Position::rope)
    return {"rope_scaling.type", "rope_scaling is for rotary positions, and these are learned"};
  if (!(scaling.factor >= 1 && std::isfinite(scaling.factor)))
    return {"rope_scaling.factor", fmt::format("rope_scaling.factor must be at least 1, not {}", scaling.factor)};
  if (scaling.type == RopeScaling::Type::linear) return {};
  if (!(scaling.low_freq_factor > 0 && scaling.high_freq_factor > scaling.low_freq_factor &&
        std::isfinite(scaling.high_freq_factor)))
    return {"rope_scaling.high_freq_factor",
            fmt::format("rope_scaling.high_freq_factor = {} must be above low_freq_factor = {}, and that above 0",
                        scaling.high_freq_factor, scaling.low_freq_factor)};
  if (scaling.original_max_position_embeddings < 1 || scaling.original_max_position_embeddings > kMaxSeqLen)
    return {"rope_scaling.original_max_position_embeddings",
            fmt::format("rope_scaling.original_max_position_embeddings must be from 1 to {}, not {}", kMaxSeqLen,
                        scaling.original_max_position_embeddings)};
  return {};
}

}  // namespace

std::vector<ParamInfo> param_infos(const ModelSpec& spec) {
  Lister list(spec);
  list.table("embed", "vocab");
  if (spec.position == Position::learned) list.table("pos_embed", "seq");
  for (int i = 0; i < spec.num_layers; ++i) {
    const std::string prefix = fmt::format("layers.{}.", i);
    list.norm(prefix, "norm1", i);
    list.linear(prefix, "attn.q", i, "q", "d_model");
    list.linear(prefix, "attn.k", i, "kv", "d_model");
    list.linear(prefix, "attn.v", i, "kv", "d_model");
    list.linear(prefix, "attn.o", i, "d_model", "q");
    list.norm(prefix, "norm2", i);
    if (spec.gated()) list.linear(prefix, "mlp.gate", i, "d_ff", "d_model");
    list.linear(prefix, "mlp.up", i, "d_ff", "d_model");
    list.linear(prefix, "mlp.down", i, "d_model", "d_ff");
  }
  list.norm("", "final_norm", -1);
  if (!spec.tie_embeddings) list.table("lm_head", "vocab");
  return std::move(list.params);
}

int64_t num_params(const ModelSpec& spec) {
  int64_t total = 0;
  for (const auto& info : param_infos(spec)) total += info.numel();
  return total;
}

namespace {

// As num_params() would count them, in numbers that do not overflow.
double rough_num_params(const ModelSpec& s) {
  const auto real = [](int64_t value) { return static_cast<double>(value); };
  const double d = real(s.d_model), q = real(s.num_heads) * real(s.head_dim),
               kv = real(s.num_kv_heads) * real(s.head_dim);
  const double layer = d * (2 * q + 2 * kv + (s.gated() ? 3 : 2) * real(s.d_ff));
  const double tables = d * real(s.vocab_size) * (s.tie_embeddings ? 1 : 2);
  return real(s.num_layers) * layer + tables + (s.position == Position::learned ? d * real(s.seq_len) : 0);
}

}  // namespace

SpecProblem check_spec(const ModelSpec& spec) {
  struct Bound {
    const char* key;
    int64_t value, most;
  };
  const auto bounds = {Bound{"num_layers", spec.num_layers, kMaxLayers}, {"d_model", spec.d_model, kMaxWidth},
                       {"num_heads", spec.num_heads, kMaxWidth},         {"num_kv_heads", spec.num_kv_heads, kMaxWidth},
                       {"head_dim", spec.head_dim, kMaxWidth},           {"d_ff", spec.d_ff, kMaxWidth},
                       {"vocab_size", spec.vocab_size, kMaxVocab},       {"seq_len", spec.seq_len, kMaxSeqLen}};
  for (const auto& [key, value, most] : bounds) {
    if (value < 1) return {key, fmt::format("{} must be at least 1, not {}", key, value)};
    if (value > most) return {key, fmt::format("{} must be at most {}, not {}", key, most, value)};
  }
  if (spec.num_heads * spec.head_dim > kMaxWidth)
    return {"head_dim", fmt::format("num_heads * head_dim must be at most {}, not {} * {}", kMaxWidth, spec.num_heads,
                                    spec.head_dim)};
  if (rough_num_params(spec) > static_cast<double>(kMaxCount)) {
    const auto largest = std::max_element(bounds.begin(), bounds.end(),
                                          [](const Bound& a, const Bound& b) { return a.value < b.value; });
    return {largest->key,
            fmt::format("{} = {} makes a model of more than 2^53 parameters", largest->key, largest->value)};
  }
  for (const auto& [key, value] : {std::pair{"norm_eps", spec.norm_eps}, {"rope_theta", spec.rope_theta}})
    if (!(value > 0) || !std::isfinite(value))
      return {key, fmt::format("{} must be a finite number above 0, not {}", key, value)};
  if (spec.num_heads % spec.num_kv_heads != 0)
    return {"num_kv_heads",
            fmt::format("num_heads = {} is not a multiple of num_kv_heads = {}", spec.num_heads, spec.num_kv_heads)};
  if (spec.position == Position::rope && spec.head_dim % 2 != 0)
    return {"head_dim", fmt::format("rotary positions need an even head_dim, not {}", spec.head_dim)};
  return check_scaling(spec);
}

const char* name_of(Norm norm) {
  return norm == Norm::rmsnorm ? "rmsnorm" : "layernorm";
}
const char* name_of(Position position) {
  return position == Position::rope ? "rope" : "learned";
}
const char* name_of(Activation activation) {
  return activation_names()[static_cast<size_t>(activation)].c_str();
}
const char* name_of(RopeScaling::Type type) {
  constexpr std::array names{"none", "linear", "llama3"};
  return names[static_cast<size_t>(type)];
}
const std::vector<std::string>& activation_names() {
  static const std::vector<std::string> names{"swiglu", "gelu",  "relu2",     "gelu_erf", "relu",
                                              "silu",   "geglu", "geglu_erf", "reglu"};
  return names;
}

std::optional<Norm> norm_of(std::string_view name) {
  for (const Norm norm : {Norm::rmsnorm, Norm::layernorm})
    if (name == name_of(norm)) return norm;
  return std::nullopt;
}
std::optional<Position> position_of(std::string_view name) {
  for (const Position position : {Position::rope, Position::learned})
    if (name == name_of(position)) return position;
  return std::nullopt;
}
std::optional<Activation> activation_of(std::string_view name) {
  for (size_t i = 0; i < activation_names().size(); ++i)
    if (name == activation_names()[i]) return static_cast<Activation>(i);
  return std::nullopt;
}
std::optional<RopeScaling::Type> rope_scaling_of(std::string_view name) {
  for (const auto type : {RopeScaling::Type::none, RopeScaling::Type::linear, RopeScaling::Type::llama3})
    if (name == name_of(type)) return type;
  return std::nullopt;
}

bool ModelSpec::gated() const {
  return activation == Activation::swiglu || activation == Activation::geglu || activation == Activation::geglu_erf ||
         activation == Activation::reglu;
}

std::string spec_differences(const ModelSpec& a, const ModelSpec& b) {
  std::string out;
  const auto compare = [&](const char* key, const auto& x, const auto& y) {
    if (x == y) return;
    out += fmt::format("{}{} {} instead of {}", out.empty() ? "" : ", ", key, x, y);  // doubles with all their digits
  };
  compare("num_layers", a.num_layers, b.num_layers);
  compare("d_model", a.d_model, b.d_model);
  compare("num_heads", a.num_heads, b.num_heads);
  compare("num_kv_heads", a.num_kv_heads, b.num_kv_heads);
  compare("head_dim", a.head_dim, b.head_dim);
  compare("d_ff", a.d_ff, b.d_ff);
  compare("vocab_size", a.vocab_size, b.vocab_size);
  compare("seq_len", a.seq_len, b.seq_len);
  const auto compare_names = [&](const char* key, auto x, auto y) {
    compare(key, std::string(name_of(x)), std::string(name_of(y)));
  };
  compare_names("norm", a.norm, b.norm);
  compare_names("position", a.position, b.position);
  compare_names("activation", a.activation, b.activation);
  compare("attention_bias", a.attention_bias, b.attention_bias);
  compare("mlp_bias", a.mlp_bias, b.mlp_bias);
  compare("tie_embeddings", a.tie_embeddings, b.tie_embeddings);
  compare("norm_eps", a.norm_eps, b.norm_eps);
  compare("rope_theta", a.rope_theta, b.rope_theta);
  compare_names("rope_scaling.type", a.rope_scaling.type, b.rope_scaling.type);
  compare("rope_scaling.factor", a.rope_scaling.factor, b.rope_scaling.factor);
  compare("rope_scaling.low_freq_factor", a.rope_scaling.low_freq_factor, b.rope_scaling.low_freq_factor);
  compare("rope_scaling.high_freq_factor", a.rope_scaling.high_freq_factor, b.rope_scaling.high_freq_factor);
  compare("rope_scaling.original_max_position_embeddings", a.rope_scaling.original_max_position_embeddings,
          b.rope_scaling.original_max_position_embeddings);
  return out;
}

}  // namespace espalier
