#include "core/run/model_shape.h"

#include <fmt/format.h>

#include "core/base/text.h"

namespace espalier {

ModelSpec final_spec_of(const RunConfig& config, int64_t vocab_size) {
  return config.model.spec(vocab_size, config.training.seq_len, config.places);
}

PluginUses RunShape::plugins() const {
  return growth ? PluginUses{{"growth", growth->identity}} : PluginUses{};
}

RunShape make_shape(const RunConfig& config, const PluginHost& host, const ModelSpec& final_spec,
                    const RunLength& length) {
  RunShape shape;
  shape.final_spec = final_spec;
  if (config.growth.plugin.plugin.empty()) return shape;
  shape.growth = plugin::make_growth(*host.registry, config.growth.plugin, host.setup_for(length));
  shape.num_stages = shape.growth->strategy->num_stages(final_spec);
  return shape;
}

std::string describe(const RunShape& shape) {
  const ModelSpec& spec = shape.final_spec;
  return fmt::format("model: {} parameters in {} layers of width {} at the end, {}",
                     human_count(static_cast<double>(num_params(spec))), spec.num_layers, spec.d_model,
                     shape.growth ? fmt::format("reached in {} stages", shape.num_stages) : "which does not grow");
}

}  // namespace espalier
