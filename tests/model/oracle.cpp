#include "model/oracle.h"

#include <cmath>

namespace espalier::oracle {
namespace {

using Rows = std::vector<Values>;  // one vector a token

class Decoder {
 public:
  Decoder(const Model& model, const Batch& batch, const StepShape& shape, const Nudge& nudge)
      : spec_(model.spec), model_(model), batch_(batch), shape_(shape), nudge_(nudge) {
    stream_gate_.assign(shape.stream_gate.begin(), shape.stream_gate.end());
  }

  Rows logits() const {
    Rows h = embedded();
    for (int64_t layer = 0; layer < spec_.num_layers; ++layer) {
      const auto i = static_cast<size_t>(layer);
      if (shape_.run[i] == 0) continue;
      add(h, attention(layer, normed(h, layer_name(layer) + "norm1", shape_.trainable[i] != 0)), shape_.scale[i]);
      add(h, mlp(layer, normed(h, layer_name(layer) + "norm2", shape_.trainable[i] != 0)), shape_.scale[i]);
    }
    const auto last = static_cast<size_t>(spec_.num_layers);
    const Values head =
        param(spec_.tie_embeddings ? "embed.weight" : "lm_head.weight", shape_.trainable[last + 2] != 0);
    return each(normed(h, "final_norm", shape_.trainable[last + 1] != 0),
                [&](const Values& x) { return linear(x, head, {}); });
  }

 private:
  static std::string layer_name(int64_t layer) { return "layers." + std::to_string(layer) + "."; }

  // Empty when the model has no such parameter.
  Values param(const std::string& name, bool trained) const {
    const auto found = model_.params.find(name);
    if (found == model_.params.end()) return {};
    Values values = found->second;
    if (trained && name == nudge_.param) values[nudge_.index] += nudge_.by;
    return values;
  }

  template <class Function>
  static Rows each(const Rows& rows, Function&& function) {
    Rows out;
    for (const Values& row : rows) out.push_back(function(row));
    return out;
  }
  static void add(Rows& h, const Rows& branch, double scale) {
    for (size_t t = 0; t < h.size(); ++t)
      for (size_t i = 0; i < h[t].size(); ++i) h[t][i] += scale * branch[t][i];
  }
  Rows projected(const Rows& x, const std::string& name, bool trained) const {
    const Values weight = param(name + ".weight", trained), bias = param(name + ".bias", trained);
    return each(x, [&](const Values& row) { return linear(row, weight, bias); });
  }
  Rows normed(const Rows& x, const std::string& name, bool trained) const {
    const Values gain = param(name + ".weight", trained), shift = param(name + ".bias", trained);
    return each(x, [&](const Values& row) { return norm(spec_.norm, row, stream_gate_, gain, shift, spec_.norm_eps); });
  }

  bool same_document(size_t a, size_t b) const {
    return batch_.segments.empty() || batch_.segments[a] == batch_.segments[b];
  }
  // The first token of the row that `t` sees.
  size_t row_start(size_t t) const { return t - t % static_cast<size_t>(batch_.length); }

  Rows embedded() const {
    const bool trained = shape_.trainable[static_cast<size_t>(spec_.num_layers)] != 0;
    const Values table = param("embed.weight", trained), positions = param("pos_embed.weight", trained);
    const auto D = static_cast<size_t>(spec_.d_model);
    Rows h(batch_.tokens.size(), Values(D));
    for (size_t t = 0; t < h.size(); ++t) {
      size_t first = row_start(t);
      while (batch_.restart_positions && !same_document(first, t)) ++first;
      for (size_t i = 0; i < D; ++i) {
        h[t][i] = table[static_cast<size_t>(batch_.tokens[t]) * D + i];
        if (spec_.position == Position::learned) h[t][i] += positions[(t - first) * D + i];
      }
    }
    return h;
  }

  Rows attention(int64_t layer, const Rows& x) const {
    const bool trained = shape_.trainable[static_cast<size_t>(layer)] != 0;
    const std::string name = layer_name(layer) + "attn.";
    Rows q = projected(x, name + "q", trained), k = projected(x, name + "k", trained);
    const Rows v = projected(x, name + "v", trained);
    const auto C = static_cast<size_t>(spec_.head_dim), H = static_cast<size_t>(spec_.num_heads);
    const size_t queries_of_one_key = H / static_cast<size_t>(spec_.num_kv_heads);
    if (spec_.position == Position::rope)
      for (Rows* rows : {&q, &k})
        for (size_t t = 0; t < x.size(); ++t)
          for (size_t at = 0; at < (*rows)[t].size(); at += C)
            rotate(spec_, static_cast<double>(t - row_start(t)), &(*rows)[t][at]);
    Rows mixed(x.size(), Values(H * C));
    for (size_t t = 0; t < x.size(); ++t)
      for (size_t head = 0; head < H; ++head) {
        const size_t own = head * C, shared = head / queries_of_one_key * C;
        std::vector<size_t> seen;
        Values scores;
        for (size_t s = row_start(t); s <= t; ++s) {
          if (!same_document(s, t)) continue;
          double dot = 0;
          for (size_t c = 0; c < C; ++c) dot += q[t][own + c] * k[s][shared + c];
          seen.push_back(s);
          scores.push_back(dot / std::sqrt(static_cast<double>(C)));
        }
        const Values weights = softmax(scores);
        const double gate = shape_.head_gate.empty() ? 1 : shape_.head_gate[static_cast<size_t>(layer) * H + head];
        for (size_t i = 0; i < seen.size(); ++i)
          for (size_t c = 0; c < C; ++c) mixed[t][own + c] += gate * weights[i] * v[seen[i]][shared + c];
      }
    return projected(mixed, name + "o", trained);
  }

  Rows mlp(int64_t layer, const Rows& x) const {
    const bool trained = shape_.trainable[static_cast<size_t>(layer)] != 0;
    const std::string name = layer_name(layer) + "mlp.";
    Rows hidden = projected(x, name + "up", trained);
    const bool gated = has_gate(spec_.activation);
    const Rows gates = gated ? projected(x, name + "gate", trained) : Rows{};
    const auto F = static_cast<size_t>(spec_.d_ff);
    for (size_t t = 0; t < x.size(); ++t)
      for (size_t unit = 0; unit < F; ++unit) {
        double& value = hidden[t][unit];
        value = gated ? activation(spec_.activation, gates[t][unit]) * value : activation(spec_.activation, value);
        if (!shape_.unit_gate.empty()) value *= shape_.unit_gate[static_cast<size_t>(layer) * F + unit];
      }
    return projected(hidden, name + "down", trained);
  }

  const ModelSpec& spec_;
  const Model& model_;
  const Batch& batch_;
  const StepShape& shape_;
  const Nudge& nudge_;
  Values stream_gate_;
};

}  // namespace

Values logits(const Model& model, const Batch& batch, const StepShape& shape, const Nudge& nudge) {
  Values flat;
  for (const Values& row : Decoder(model, batch, shape, nudge).logits())
    flat.insert(flat.end(), row.begin(), row.end());
  return flat;
}

double loss(const Model& model, const Batch& batch, const StepShape& shape, const Nudge& nudge) {
  const Rows rows = Decoder(model, batch, shape, nudge).logits();
  double sum = 0, counted = 0;
  for (size_t t = 0; t < rows.size(); ++t) {
    if (batch.targets[t] < 0) continue;
    sum -= std::log(softmax(rows[t])[static_cast<size_t>(batch.targets[t])]);
    counted += 1;
  }
  return counted == 0 ? 0 : sum / counted;
}

double derivative(const Model& model, const Batch& batch, const StepShape& shape, const std::string& param,
                  size_t index) {
  // Cut off at h^2 = 1e-10 of the third derivative; doubles round at about 1e-16 / h = 1e-11.
  constexpr double h = 1e-5;
  return (loss(model, batch, shape, {param, index, h}) - loss(model, batch, shape, {param, index, -h})) / (2 * h);
}

}  // namespace espalier::oracle
