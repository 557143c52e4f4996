#include "core/run/train.h"

#include "core/base/log.h"
#include "core/base/log_lines.h"
#include "core/run/memory_check.h"
#include "core/run/plugin_records.h"
#include "core/run/run.h"
#include "core/run/signals.h"

namespace espalier {
namespace {

fs::path run_dir_of(const RunConfig& config, const RunOptions& options) {
  return options.run_dir.empty() ? fs::path("runs") / config.job.name : options.run_dir;
}

}  // namespace

void run_training(RunConfig config, const RunOptions& options) {
  install_save_signal();
  keep_log_lines();
  const Comm comm;  // one process
  RunFolder folder(run_dir_of(config, options), config);
  const DeviceInfo device = open_device(config.training.device, config.training.threads);
  if (config.training.dtype == "auto") config.training.dtype = device.fast_bf16 ? "bf16" : "fp32";

  log_info("{} on {} ({} threads: {}), {}", config.job.name, device.name, device.threads, device.threads_source,
           config.training.dtype);

  // What the run is, each part made of those before it.
  const PluginHost host = open_plugins(config, options.plugin_paths, folder.snapshot());
  const RunData data = make_data(config, host);
  log_info("{}", describe(data));
  // Not before: while data is prepared a signal ends the process at once, and the next one goes on from whole shards.
  install_stop_signals();
  const ModelSpec final_spec = final_spec_of(config, data.tokenizer->vocab_size());
  TokenStream stream = make_stream(config, data, comm, folder.state());
  const RunSteps steps = make_steps(config, host, final_spec, stream.tokens_per_epoch(), folder.state());
  log_info("{}", describe(steps));
  const RunShape shape = make_shape(config, host, final_spec, steps.length);
  log_info("{}", describe(shape));
  const RunPlan plan = make_plan(config, host, steps, shape, folder.snapshot());
  log_info("{}", format_timeline(plan.timeline));
  const PluginUses plugins = plugins_of({data.plugins, steps.plugins, shape.plugins(), plan.plugins});
  config = resolved_config(std::move(config), plugins, options.plugin_paths);

  check_memory(plan.timeline, device);
  log_plugins(plugins, *host.registry);

  // What changes while it trains. Whatever may refuse the run comes before begin(): a folder that has a run is not
  // touched until it may go on.
  Run run({config, device, comm, data, steps, shape, plan, plugins}, std::move(stream), folder);
  if (run.is_finished()) {
    folder.clean();
    log_info("the run is finished: step {} of {}", run.state().step, steps.total_steps());
    return;
  }
  run.begin(options.argv);
  run.train();
}

}  // namespace espalier
