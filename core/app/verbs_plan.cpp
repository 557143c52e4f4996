#include <memory>

#include "core/app/verbs.h"
#include "core/base/json.h"
#include "core/base/output.h"
#include "core/device/device.h"
#include "core/run/plan.h"

namespace espalier {
namespace {

using nlohmann::json;

json to_json(const Timeline& timeline) {
  json stages = json::array();
  for (const auto& row : timeline.stages)
    stages.push_back({{"stage", row.stage},
                      {"start", row.start},
                      {"steps", row.steps},
                      {"operator_steps", row.operator_steps},
                      {"phase_steps", row.phase_steps},
                      {"tokens", row.tokens},
                      {"num_layers", row.spec.num_layers},
                      {"mean_layers", row.mean_layers},
                      {"d_model", row.spec.d_model},
                      {"d_ff", row.spec.d_ff},
                      {"num_heads", row.spec.num_heads},
                      {"num_params", row.num_params},
                      {"flops", row.flops},
                      {"trainable_fraction", row.trainable_fraction},
                      {"memory_bytes", row.memory_bytes},
                      {"lr_first", row.lr_first},
                      {"lr_last", row.lr_last},
                      {"lr_max", row.lr_max},
                      {"tier_weights", row.tier_weights}});
  json mixture = json::array();
  for (const auto& span : timeline.mixture)
    mixture.push_back({{"start", span.start}, {"sources", span.shares.sources}, {"tiers", span.shares.tiers}});
  json sizes = json::array();
  for (const auto& span : timeline.sizes.spans())
    sizes.push_back({{"start", span.start}, {"sequences", span.size.sequences}, {"seq_len", span.size.seq_len}});
  return {{"stages", stages},
          {"step_sizes", sizes},
          {"mixture", mixture},
          {"mixture_sources", timeline.sources},
          {"total_steps", timeline.total_steps},
          {"total_tokens", timeline.total_tokens},
          {"total_flops", timeline.total_flops}};
}

}  // namespace

void add_plan_verb(Command program) {
  struct Arguments {
    ConfigOptions options;
    bool json = false;
  };
  auto args = std::make_shared<Arguments>();
  Command verb =
      program.add_verb("plan", "Print the timeline of a run (stages, FLOPs, parameters, memory) without training");
  args->options.add(verb, /*with_config=*/true);
  verb.add_flag("--json", args->json, "Print JSON");
  verb.on_chosen([=] {
    RunConfig config = load_run_config(args->options.config, args->options.sets);
    if (config.training.dtype == "auto") config.training.dtype = open_device("cpu", 0).fast_bf16 ? "bf16" : "fp32";
    const PluginHost host = open_plugins(config, args->options.plugin_paths);
    const ModelSpec final_spec = final_spec_of(config, planned_vocab_size(config));
    const RunSteps steps = make_steps(config, host, final_spec, /*tokens_per_epoch=*/0);
    const RunShape shape = make_shape(config, host, final_spec, steps.length);
    const RunPlan plan = make_plan(config, host, steps, shape);
    if (args->json)
      output() << to_json(plan.timeline).dump(2) << "\n";
    else
      output() << format_timeline(plan.timeline);
    return 0;
  });
}

}  // namespace espalier
