#include "core/model/flops.h"

#include "core/model/layer_width.h"

namespace espalier {
namespace {

struct LayerCost {
  double matrices, attention;  // FLOPs a token of one forward
};

LayerCost layer_cost(const ModelSpec& s, const LayerWidth& width) {
  const auto d = static_cast<double>(s.d_model), ff = static_cast<double>(width.units.count);
  const auto kv = static_cast<double>(width.groups.count * s.head_dim);
  const double q = kv * static_cast<double>(s.num_heads / s.num_kv_heads);
  const double params = d * (2 * q + 2 * kv) + d * ff * (s.gated() ? 3 : 2);
  return {2 * params, 4 * static_cast<double>(s.seq_len) * q};  // scores and weighted values, 2 T q each
}

}  // namespace

FlopCount flops_per_token(const ModelSpec& spec, const StepShape& shape) {
  const double head = 2.0 * static_cast<double>(spec.d_model) * static_cast<double>(spec.vocab_size);
  FlopCount count;
  bool gradient_below = shape.embed_trainable();
  for (size_t i = 0; i < shape.num_layers(); ++i) {
    if (shape.run[i] == 0) continue;
    const bool trainable = shape.trainable[i] != 0;
    const LayerCost layer = layer_cost(spec, layer_width(spec, shape, i));
    count.forward += layer.matrices + layer.attention;
    if (trainable) count.weight_grad += layer.matrices;
    if (trainable || gradient_below) count.activation_grad += layer.matrices + 2 * layer.attention;
    gradient_below = gradient_below || trainable;
  }
  count.forward += head;
  if (shape.head_trainable()) count.weight_grad += head;
  if (gradient_below || shape.final_norm_trainable()) count.activation_grad += head;
  return count;
}

double step_flops(const ModelSpec& spec, const StepShape& shape, int64_t tokens) {
  return flops_per_token(spec, shape).total() * static_cast<double>(tokens);
}

double train_memory_bytes(const ModelSpec& spec, const StepShape& shape, int64_t micro_batch, int64_t bytes_per_value) {
  const auto tokens = static_cast<double>(micro_batch * spec.seq_len);
  const auto value = static_cast<double>(bytes_per_value);
  double active_layers = 0;
  for (const uint8_t run : shape.run) active_layers += run;
  // Kept a layer: norm inputs and outputs, q k v, probabilities, attention output, MLP hidden values.
  const double per_token = 4.0 * static_cast<double>(spec.d_model) +
                           2.0 * static_cast<double>((spec.num_heads + 2 * spec.num_kv_heads) * spec.head_dim) +
                           static_cast<double>(spec.num_heads * spec.seq_len) +
                           static_cast<double>(spec.d_ff) * (spec.gated() ? 3 : 2);
  return 16.0 * static_cast<double>(num_params(spec)) + active_layers * tokens * per_token * value +
         tokens * static_cast<double>(spec.vocab_size) * (value + 4);
}

}  // namespace espalier
