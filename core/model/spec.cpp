#include "core/model/spec.h"

#include <fmt/format.h>

#include <algorithm>
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
    if (spec_.bias) params.push_back({name + ".bias", role, layer, {size(out)}, {out}});
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
  constexpr int64_t kMaxLayers = 1 << 16;
  const auto positive = {
      std::pair{"num_layers", spec.num_layers}, {"d_model", spec.d_model},   {"num_heads", spec.num_heads},
      {"num_kv_heads", spec.num_kv_heads},      {"head_dim", spec.head_dim}, {"d_ff", spec.d_ff},
      {"vocab_size", spec.vocab_size},          {"seq_len", spec.seq_len}};
  for (const auto& [key, value] : positive)
    if (value < 1) return {key, fmt::format("{} must be at least 1, not {}", key, value)};
  for (const auto& [key, value] : positive)
    if (value > kMaxSize) return {key, fmt::format("{} must be at most 2^31 - 1, not {}", key, value)};
  if (spec.num_layers > kMaxLayers)
    return {"num_layers", fmt::format("num_layers must be at most {}, not {}", kMaxLayers, spec.num_layers)};
  if (rough_num_params(spec) > static_cast<double>(kMaxCount)) {
    const auto largest = std::max_element(positive.begin(), positive.end(),
                                          [](const auto& a, const auto& b) { return a.second < b.second; });
    return {largest->first,
            fmt::format("{} = {} makes a model of more than 2^53 parameters", largest->first, largest->second)};
  }
  for (const auto& [key, value] : {std::pair{"norm_eps", spec.norm_eps}, {"rope_theta", spec.rope_theta}})
    if (!(value > 0) || !std::isfinite(value))
      return {key, fmt::format("{} must be a finite number above 0, not {}", key, value)};
  if (spec.num_heads % spec.num_kv_heads != 0)
    return {"num_kv_heads",
            fmt::format("num_heads = {} is not a multiple of num_kv_heads = {}", spec.num_heads, spec.num_kv_heads)};
  if (spec.position == Position::rope && spec.head_dim % 2 != 0)
    return {"head_dim", fmt::format("rotary positions need an even head_dim, not {}", spec.head_dim)};
  return {};
}

const char* name_of(Norm norm) {
  return norm == Norm::rmsnorm ? "rmsnorm" : "layernorm";
}
const char* name_of(Position position) {
  return position == Position::rope ? "rope" : "learned";
}
const char* name_of(Activation activation) {
  switch (activation) {
    case Activation::swiglu:
      return "swiglu";
    case Activation::gelu:
      return "gelu";
    case Activation::relu2:
      return "relu2";
  }
  return "?";
}

}  // namespace espalier
