#include "core/plugin/growth_adapter.h"

#include <espalier/growth.h>
#include <fmt/format.h>

#include <cassert>

#include "core/base/error.h"
#include "core/plugin/fenced.h"
#include "core/plugin/isolated_growth.h"
#include "core/plugin/lent_ones.h"
#include "core/plugin/plan_slots.h"
#include "core/plugin/progress.h"
#include "core/plugin/sized.h"
#include "core/plugin/step_shape_check.h"

namespace espalier::plugin {
namespace {

constexpr uint32_t kMaxStages = 10000;

class GrowthAdapter : public growth::Strategy {
 public:
  GrowthAdapter(Registry& registry, const PluginChoice& choice, const PluginSetup& setup)
      : plugin_(registry, Kind::growth, choice, setup),
        table_(sized_copy<esp_growth>(plugin_.vtable(), ESPALIER_SIZE_UP_TO(esp_growth, plan), "growth table", id())) {
    if (table_.num_stages == nullptr || table_.stage_dims == nullptr || table_.plan == nullptr)
      throw plugin_.misbehaved("its growth table lacks num_stages, stage_dims or plan");
    if (const void* found = plugin_.extension(ESP_GROWTH_STEP_SHAPE))
      step_shape_ = sized_copy<esp_growth_step_shape>(found, ESPALIER_SIZE_UP_TO(esp_growth_step_shape, fill),
                                                      ESP_GROWTH_STEP_SHAPE, id());
  }

  const PluginIdentity& identity() const { return plugin_.identity(); }

  int64_t num_stages(const ModelSpec& final_spec) override {
    const esp_dims dims = dims_of(final_spec);
    uint32_t count = 0;
    plugin_.call_on_settings("num_stages()",
                             [&](esp_call* call) { return table_.num_stages(plugin_.self(), call, &dims, &count); });
    if (count >= 1 && count <= kMaxStages) return count;
    throw plugin_.misbehaved(fmt::format("num_stages() answered {}, allowed are 1 to {}", count, kMaxStages));
  }

  ModelSpec stage_spec(const ModelSpec& final_spec, int64_t stage) override {
    const int64_t stages = num_stages(final_spec);
    assert(stage >= 0 && stage < stages);
    const esp_dims final_dims = dims_of(final_spec);
    esp_dims dims = final_dims;
    plugin_.call_on_settings("stage_dims()", [&](esp_call* call) {
      return table_.stage_dims(plugin_.self(), call, &final_dims, static_cast<uint32_t>(stage), &dims);
    });
    ModelSpec spec = final_spec;
    spec.num_layers = dims.num_layers;
    spec.d_model = dims.d_model;
    spec.num_heads = dims.num_heads;
    spec.num_kv_heads = dims.num_kv_heads;
    spec.head_dim = dims.head_dim;
    spec.d_ff = dims.d_ff;
    spec.norm_eps = dims.norm_eps;
    check_stage(final_spec, spec, dims, stage, stages);
    return spec;
  }

  growth::Plan plan(const ModelSpec& from, const ModelSpec& to) override {
    const ArchView from_view(from), to_view(to);
    PlanSlots slots(from, to);
    const esp_plan builder = slots.table();
    try {
      plugin_.call_on_settings("plan()", [&](esp_call* call) {
        return table_.plan(plugin_.self(), call, from_view.table(), to_view.table(), &builder);
      });
    } catch (const Error&) {
      // What the plugin says after a refused node is an echo; the builder knows the reason.
      if (!slots.problem().empty()) slots.finish(id());
      throw;
    }
    return slots.finish(id());
  }

  bool shapes_steps() const override { return step_shape_.fill != nullptr; }

  void fill_step_shape(const Progress& progress, const ModelSpec& spec, StepShape& shape) override {
    if (!shapes_steps()) return;
    const esp_progress where = to_abi(progress);
    Fenced<uint8_t> run(shape.run), trainable(shape.trainable);
    Fenced<float> scale(shape.scale);
    esp_step_shape out{sizeof(esp_step_shape),
                       static_cast<uint32_t>(shape.num_layers()),
                       run.data(),
                       scale.data(),
                       trainable.data(),
                       static_cast<uint32_t>(spec.num_heads),
                       static_cast<uint32_t>(spec.d_ff),
                       static_cast<uint32_t>(spec.d_model),
                       0,
                       heads_.lend(static_cast<size_t>(spec.num_layers * spec.num_heads)),
                       units_.lend(static_cast<size_t>(spec.num_layers * spec.d_ff)),
                       stream_.lend(static_cast<size_t>(spec.d_model)),
                       0,
                       0};
    plugin_.call_on_settings("step_shape.fill()",
                             [&](esp_call* call) { return step_shape_.fill(plugin_.self(), call, &where, &out); });
    if (!run.intact() || !scale.intact() || !trainable.intact() || !heads_.intact() || !units_.intact() ||
        !stream_.intact())
      throw plugin_.misbehaved("step_shape.fill() wrote past the end of an array");
    StepShape filled{flags(run.take()), scale.take(), flags(trainable.take()), heads_.take(), units_.take(),
                     stream_.take(),    out.phase,    out.in_evaluation != 0};
    if (const std::string problem = problem_of(filled, spec); !problem.empty())
      throw plugin_.misbehaved(fmt::format("step_shape.fill() at step {}: {}", progress.step, problem));
    shape = std::move(filled);
  }

  bool claims_preserving() const override { return plugin_.info().claims_any(ESP_CLAIM_PRESERVING); }
  double preserve_tol() const override { return plugin_.info().preserve_tol; }
  std::string save_state() override { return plugin_.save_state(); }
  void load_state(const std::string& bytes) override { plugin_.load_state(bytes); }

 private:
  const std::string& id() const { return plugin_.info().id; }

  void check_stage(const ModelSpec& final_spec, const ModelSpec& spec, const esp_dims& dims, int64_t stage,
                   int64_t stages) const {
    const auto refuse = [&](const std::string& why) {
      throw plugin_.misbehaved(fmt::format("stage_dims() for stage {} of {}: {}", stage, stages, why));
    };
    if (dims.vocab_size != final_spec.vocab_size || dims.seq_len != final_spec.seq_len)
      refuse("vocab_size and seq_len are not for it to change");
    if (const SpecProblem problem = check_spec(spec); !problem.key.empty()) refuse(problem.message);
    const auto at_most_final = [&](const char* name, int64_t value, int64_t final_value) {
      if (value > final_value) refuse(fmt::format("{} = {} is above the final model's {}", name, value, final_value));
    };
    at_most_final("num_layers", spec.num_layers, final_spec.num_layers);
    at_most_final("d_model", spec.d_model, final_spec.d_model);
    at_most_final("d_ff", spec.d_ff, final_spec.d_ff);
    at_most_final("num_heads * head_dim", spec.num_heads * spec.head_dim, final_spec.num_heads * final_spec.head_dim);
    if (stage + 1 == stages && !(spec == final_spec)) refuse("the last stage must be the model of [model]");
  }

  static std::vector<uint8_t> flags(std::vector<uint8_t> values) {
    for (uint8_t& value : values) value = value != 0 ? 1 : 0;
    return values;
  }

  PluginInstance plugin_;  // first: holds the library, destroyed last
  esp_growth table_;
  esp_growth_step_shape step_shape_{};
  LentOnes heads_, units_, stream_;
};

}  // namespace

GrowthPlugin make_growth(Registry& registry, const PluginChoice& choice, const PluginSetup& setup) {
  if (setup.isolate) return make_isolated_growth(registry, choice, setup);
  auto adapter = std::make_unique<GrowthAdapter>(registry, choice, setup);
  PluginIdentity identity = adapter->identity();
  return {std::move(adapter), std::move(identity)};
}

}  // namespace espalier::plugin
