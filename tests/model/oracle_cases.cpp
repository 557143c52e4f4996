#include "model/oracle_cases.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <span>

#include "core/base/rng.h"

namespace espalier::oracle {
namespace {

// One draw after the other from a numbered case.
class Draws {
 public:
  explicit Draws(uint64_t number) : number_(number) {}
  int64_t from(int64_t least, int64_t most) {
    return least + static_cast<int64_t>(rng_.below(static_cast<uint64_t>(most - least + 1), next_++, number_));
  }
  bool one_in(int64_t n) { return from(1, n) == 1; }
  template <class Value>
  Value of(std::initializer_list<Value> values) {
    return values.begin()[from(0, static_cast<int64_t>(values.size()) - 1)];
  }

 private:
  Rng rng_{2024, "oracle cases"};
  uint64_t number_, next_ = 0;
};

// Values that fp32 holds exactly, so that both sides see the same model. No entry is 0 or 1: a forgotten bias or gain
// would show.
Model model_of(const ModelSpec& spec, uint64_t seed) {
  Model model{spec, {}};
  for (const ParamInfo& info : param_infos(spec)) {
    std::vector<float> normal(static_cast<size_t>(info.numel()));
    Rng(seed, "oracle/" + info.name).normal(std::span(normal));
    const bool gain =
        info.name.ends_with("norm1.weight") || info.name.ends_with("norm2.weight") || info.name == "final_norm.weight";
    Values& values = model.params[info.name];
    for (const float x : normal) values.push_back((gain ? 1.0F : 0.0F) + 0.4F * x);
  }
  return model;
}

Batch batch_of(const ModelSpec& spec, Draws& draw, int64_t rows, int64_t length, bool documents, bool padded) {
  Batch batch{rows, length, {}, {}, {}, documents && draw.one_in(2)};
  for (int64_t row = 0; row < rows; ++row) {
    int64_t segment = draw.from(0, 3);
    for (int64_t t = 0; t < length; ++t) {
      batch.tokens.push_back(draw.from(0, spec.vocab_size - 1));
      batch.targets.push_back(padded && draw.one_in(3) ? kIgnoredTarget : draw.from(0, spec.vocab_size - 1));
      if (t > 0 && draw.one_in(4)) ++segment;
      if (documents) batch.segments.push_back(segment);
    }
  }
  return batch;
}

StepShape shape_of(const ModelSpec& spec, Draws& draw) {
  StepShape shape = StepShape::everything(spec.num_layers);
  const auto gates = [&](int64_t count) {
    std::vector<float> out;
    for (int64_t i = 0; i < count; ++i) out.push_back(draw.of({0.0F, 0.0F, 1.0F, 1.0F, 0.25F, 0.7F}));
    return out;
  };
  for (uint8_t& run : shape.run) run = draw.one_in(4) ? 0 : 1;
  for (uint8_t& trainable : shape.trainable) trainable = draw.one_in(4) ? 0 : 1;
  for (float& scale : shape.scale) scale = draw.of({1.0F, 1.0F, 0.5F, 0.0F, -1.25F});
  if (draw.one_in(2)) shape.head_gate = gates(spec.num_layers * spec.num_heads);
  if (draw.one_in(2)) shape.unit_gate = gates(spec.num_layers * spec.d_ff);
  if (draw.one_in(2)) {
    shape.stream_gate = gates(spec.d_model);
    // A norm over one or two values amplifies rounding without bound.
    for (size_t i = 0; i < 4; ++i) shape.stream_gate[i] = 1;
  }
  return shape;
}

Case case_of(std::string name, const ModelSpec& spec, uint64_t number, bool documents = false, bool padded = false) {
  Draws draw(number);
  return {std::move(name), model_of(spec, number), batch_of(spec, draw, 2, spec.seq_len - 2, documents, padded),
          StepShape::everything(spec.num_layers)};
}

// Sizes of which no two are equal by chance.
ModelSpec base_spec(bool llama) {
  ModelSpec spec;
  spec.num_layers = 2;
  spec.d_model = 10;
  spec.num_heads = 4;
  spec.num_kv_heads = llama ? 2 : 4;
  spec.head_dim = 6;
  spec.d_ff = 14;
  spec.vocab_size = 17;
  spec.seq_len = 9;
  if (llama) return spec;
  spec.norm = Norm::layernorm;
  spec.position = Position::learned;
  spec.activation = Activation::gelu;
  spec.attention_bias = spec.mlp_bias = true;
  return spec;
}

}  // namespace

std::vector<Case> table_cases() {
  std::vector<Case> cases;
  const auto add = [&](bool llama, const std::string& name, const std::function<void(ModelSpec&)>& change,
                       bool documents = false, bool padded = false) {
    ModelSpec spec = base_spec(llama);
    change(spec);
    cases.push_back(
        case_of(fmt::format("{}, {}", llama ? "llama" : "gpt2", name), spec, 1000 + cases.size(), documents, padded));
  };
  for (const bool llama : {true, false}) {
    add(llama, "plain", [](ModelSpec&) {});
    add(llama, "the other norm",
        [](ModelSpec& s) { s.norm = s.norm == Norm::rmsnorm ? Norm::layernorm : Norm::rmsnorm; });
    add(llama, "large norm_eps", [](ModelSpec& s) { s.norm_eps = 0.3; });
    add(llama, "untied", [](ModelSpec& s) { s.tie_embeddings = false; });
    add(llama, "one key for all heads", [](ModelSpec& s) { s.num_kv_heads = 1; });
    add(llama, "attention bias alone", [](ModelSpec& s) { s.attention_bias = true, s.mlp_bias = false; });
    add(llama, "mlp bias alone", [](ModelSpec& s) { s.attention_bias = false, s.mlp_bias = true; });
    add(
        llama, "documents", [](ModelSpec&) {}, true);
    add(
        llama, "padding", [](ModelSpec&) {}, false, true);
    add(
        llama, "documents and padding", [](ModelSpec&) {}, true, true);
  }
  cases.back().batch.restart_positions = !cases.back().batch.restart_positions;
  for (const std::string& activation : activation_names())
    add(true, activation, [&](ModelSpec& s) { s.activation = *activation_of(activation); });
  add(false, "odd head_dim", [](ModelSpec& s) { s.head_dim = 5; });
  add(true, "theta 2", [](ModelSpec& s) { s.rope_theta = 2; });
  add(true, "linear scaling", [](ModelSpec& s) { s.rope_scaling = {RopeScaling::Type::linear, 3}; });
  // Wavelengths 6.3, 63 and 628 against a context of 160: kept, blended, stretched.
  add(true, "llama3 scaling", [](ModelSpec& s) {
    s.rope_theta = 1000;
    s.rope_scaling = {RopeScaling::Type::llama3, 8, 1, 4, 160};
  });
  return cases;
}

Case drawn_case(uint64_t number) {
  Draws draw(number);
  ModelSpec spec;
  spec.num_layers = draw.from(1, 3);
  spec.d_model = draw.from(5, 16);
  spec.num_kv_heads = draw.from(1, 3);
  spec.num_heads = spec.num_kv_heads * draw.from(1, 3);
  spec.position = draw.of({Position::rope, Position::learned});
  spec.head_dim = spec.position == Position::rope ? 2 * draw.from(1, 4) : draw.from(1, 8);
  spec.d_ff = draw.from(1, 20);
  spec.vocab_size = draw.from(2, 30);
  spec.seq_len = draw.from(1, 12);
  spec.norm = draw.of({Norm::rmsnorm, Norm::layernorm});
  spec.activation = static_cast<Activation>(draw.from(0, static_cast<int64_t>(activation_names().size()) - 1));
  spec.attention_bias = draw.one_in(2);
  spec.mlp_bias = draw.one_in(2);
  spec.tie_embeddings = draw.one_in(2);
  spec.norm_eps = draw.of({1e-6, 1e-5, 1e-3, 0.5});
  spec.rope_theta = draw.of({10000.0, 500000.0, 100.0, 1.0});
  if (spec.position == Position::rope)
    spec.rope_scaling = draw.of<RopeScaling>({{},
                                              {RopeScaling::Type::linear, 2.5},
                                              {RopeScaling::Type::llama3, 8, 1, 4, 64},
                                              {RopeScaling::Type::llama3, 1.5, 0.5, 2, 20}});
  Case out{fmt::format("drawn {}", number), model_of(spec, number), {}, StepShape::everything(spec.num_layers)};
  const int64_t rows = draw.from(1, 3), length = draw.from(1, spec.seq_len);
  const bool documents = draw.one_in(2), padded = draw.one_in(3);
  out.batch = batch_of(spec, draw, rows, length, documents, padded);
  if (draw.from(1, 3) > 1) out.shape = shape_of(spec, draw);
  return out;
}

std::string description(const Case& one) {
  const Batch& batch = one.batch;
  return fmt::format("{}: {} rows of {}, {}{}; against an empty spec: {}", one.name, batch.rows, batch.length,
                     batch.segments.empty() ? "one text" : "documents", batch.restart_positions ? " from 0" : "",
                     spec_differences(one.model.spec, {}));
}

ParamTable tensors_of(const Model& model, at::ScalarType type) {
  return {model.spec, [&](const ParamInfo& info) {
            return at::tensor(model.params.at(info.name), at::kDouble).view(info.shape).to(type);
          }};
}

at::Tensor ids(const std::vector<int64_t>& values, const Batch& batch) {
  return at::tensor(values, at::kLong).view({batch.rows, batch.length});
}

RowLayout layout_of(const Batch& batch) {
  RowLayout layout;
  if (!batch.segments.empty()) layout.segments = ids(batch.segments, batch);
  layout.restart_positions = batch.restart_positions;
  layout.padded = std::any_of(batch.targets.begin(), batch.targets.end(), [](int64_t target) { return target < 0; });
  return layout;
}

}  // namespace espalier::oracle
