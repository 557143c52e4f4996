// Base class of growth strategies, and the table made from one.
#pragma once

#include <espalier/growth.h>
#include <espalier/cpp/entry.hpp>
#include <espalier/cpp/layers.hpp>
#include <espalier/cpp/roles.hpp>

#include <cstddef>
#include <cstring>
#include <string_view>
#include <vector>

namespace espalier::sdk {

/// What one optimizer step runs and trains; preset to everything. The arrays are the host's.
class StepShape {
 public:
  explicit StepShape(esp_step_shape* raw) : plain_(sized_copy(raw)) {}

  std::uint32_t num_layers() const { return plain_.num_layers; }
  /// The layer becomes the identity: it costs nothing and its optimizer state rests.
  void bypass(std::uint32_t layer) { plain_.run[checked(layer)] = 0; }
  /// Factor on the layer's residual branches.
  void scale(std::uint32_t layer, float factor) { plain_.scale[checked(layer)] = factor; }
  void freeze(std::uint32_t layer) { plain_.trainable[checked(layer)] = 0; }
  void freeze_embedding() { plain_.trainable[plain_.num_layers] = 0; }
  void freeze_final_norm() { plain_.trainable[plain_.num_layers + 1] = 0; }
  void freeze_head() { plain_.trainable[plain_.num_layers + 2] = 0; }

  std::uint32_t num_heads() const { return plain_.num_heads; }
  std::uint32_t d_ff() const { return plain_.d_ff; }
  std::uint32_t d_model() const { return plain_.d_model; }
  /// Factor on a head's output; a head with 0 is not computed.
  void gate_head(std::uint32_t layer, std::uint32_t head, float factor) {
    plain_.head_gate[checked(layer) * plain_.num_heads + checked(head, plain_.num_heads, "head")] = factor;
  }
  /// Factor on a hidden unit of the MLP; a unit with 0 is not computed.
  void gate_unit(std::uint32_t layer, std::uint32_t unit, float factor) {
    plain_.unit_gate[checked(layer) * plain_.d_ff + checked(unit, plain_.d_ff, "hidden unit")] = factor;
  }
  /// Weight of a dimension of the residual stream in the statistics of the norms, which are all that reads it, and
  /// factor on their output.
  void gate_stream(std::uint32_t dimension, float factor) {
    plain_.stream_gate[checked(dimension, plain_.d_model, "dimension")] = factor;
  }
  /// The gates and scales belong to the model as it stands (new parts that fade in): evaluation and checkpoints take
  /// them, too. Without this they are a choice of the step alone (a sub-network) and evaluation takes the whole model.
  void keep_in_evaluation() { plain_.in_evaluation = 1; }
  bool in_evaluation() const { return plain_.in_evaluation != 0; }

 private:
  static std::uint32_t checked(std::uint32_t index, std::uint32_t count, const char* what) {
    if (index >= count) throw invalid(what, " ", index, " of ", count);
    return index;
  }

  std::uint32_t checked(std::uint32_t layer) const {
    if (layer >= plain_.num_layers) throw invalid("layer ", layer, " of a model with ", plain_.num_layers, " layers");
    return layer;
  }

  esp_step_shape plain_;
};

/// A growth strategy: it answers which shape each stage has, and describes every parameter of the larger model as an
/// expression over the smaller one. One thread calls it.
class Growth : public Plugin {
 public:
  /// How many stages lead to the user's [model]? At least 1.
  virtual std::uint32_t num_stages(Call&, const Dims& final_dims) = 0;
  /// The shape at a stage, counted from 0. The last one must be final_dims.
  virtual Dims stage_dims(Call&, const Dims& final_dims, std::uint32_t stage) = 0;
  /// Describes the step from one shape to the next: assign every parameter of `to` exactly once.
  virtual void plan(Call&, const Arch& from, const Arch& to, Plan& plan) = 0;
  /// Optional: sub-networks, freezing and gates. Pure in (parameters, state, progress). Answers the stage's phase at
  /// this step, which schedules see in their progress: 0 where a stage has only one.
  virtual std::uint32_t step_shape(Call&, const Progress&, StepShape&) { return 0; }
};

namespace detail {

template <class T>
struct GrowthEdge {
  static esp_status num_stages(void* self, esp_call* raw_call, const esp_dims* final_dims, std::uint32_t* out) {
    return enter<T>(self, raw_call, [&](Instance<T>& instance, Call& call) {
      *out = instance.plugin.num_stages(call, Dims::from(sized_copy(final_dims)));
    });
  }

  static esp_status stage_dims(void* self, esp_call* raw_call, const esp_dims* final_dims, std::uint32_t stage,
                               esp_dims* out) {
    return enter<T>(self, raw_call, [&](Instance<T>& instance, Call& call) {
      sized_write(out, instance.plugin.stage_dims(call, Dims::from(sized_copy(final_dims)), stage).plain());
    });
  }

  static esp_status plan(void* self, esp_call* raw_call, const esp_arch* from, const esp_arch* to,
                         const esp_plan* builder) {
    return enter<T>(self, raw_call, [&](Instance<T>& instance, Call& call) {
      Plan plan(instance.host, builder);
      instance.plugin.plan(call, Arch(from), Arch(to), plan);
    });
  }

  static esp_status fill(void* self, esp_call* raw_call, const esp_progress* progress, esp_step_shape* out) {
    return enter<T>(self, raw_call, [&](Instance<T>& instance, Call& call) {
      StepShape shape(out);
      out->phase = instance.plugin.step_shape(call, sized_copy(progress), shape);
      if (out->struct_size >= offsetof(esp_step_shape, in_evaluation) + sizeof(out->in_evaluation)) {
        out->in_evaluation = shape.in_evaluation() ? 1 : 0;
      }
    });
  }

  static const void* table(const T&) {
    static const esp_growth growth = {sizeof(esp_growth), 0, &num_stages, &stage_dims, &plan};
    return &growth;
  }

  static const void* get(void*, const char* extension_id) {
    constexpr bool shapes = !std::is_same_v<decltype(&T::step_shape), decltype(&Growth::step_shape)>;
    static const esp_growth_step_shape step_shape = {sizeof(esp_growth_step_shape), 0, &fill};
    const bool asked = std::string_view(extension_id) == ESP_GROWTH_STEP_SHAPE;
    return shapes && asked ? &step_shape : nullptr;
  }
};

template <class T>
struct KindOf<T, std::enable_if_t<std::is_base_of_v<Growth, T>>> {
  using Base = Growth;
  using Edge = GrowthEdge<T>;
  static constexpr std::string_view kFactory = ESP_FACTORY_GROWTH;
};

}  // namespace detail
}  // namespace espalier::sdk
