// A run's parts, built in one place and in the order in which data flows: config, device, plugins, tokenizer, data,
// model shape, schedules, timeline.
#pragma once

#include <memory>
#include <optional>

#include "core/app/run_config.h"
#include "core/app/scorers.h"
#include "core/checkpoint/snapshot/checkpoint.h"
#include "core/data/prepare/prepare.h"
#include "core/data/stream/token_stream.h"
#include "core/device/device.h"
#include "core/plugin/difficulty_adapter.h"
#include "core/plugin/growth_adapter.h"
#include "core/plugin/schedule_adapter.h"
#include "core/train/timeline.h"

namespace espalier {

struct Session {
  RunConfig config;
  std::unique_ptr<plugin::Registry> registry;
  std::unique_ptr<Scorers> scorers;      // null without data
  std::unique_ptr<Tokenizer> tokenizer;  // null without data
  std::optional<plugin::DifficultyPlugin> difficulty;
  std::unique_ptr<PreparedData> data;  // null without data
  std::optional<TokenStream> stream;   // the training samples, from the first one on
  ModelSpec final_spec;
  int64_t total_steps = 0;
  RunLength length;
  TrainedSteps trained;  // behind a resumed run
  std::optional<plugin::GrowthPlugin> growth;
  std::optional<plugin::SchedulePlugin> growth_schedule, lr_schedule, mixture_schedule, batch_schedule,
      seq_len_schedule;
  Decisions decisions;  // points into the plugins above
  Timeline timeline;
  std::vector<PluginRecord> plugins;

  int64_t num_tiers() const { return decisions.num_tiers; }
  // An interval of the configuration in steps; 0 stays 0 ("never").
  int64_t interval_steps(const Duration& interval, const char* key) const;
};

// with_data = false prices the run without reading any text: the vocabulary is taken from the configuration.
// Throws Error of any code.
// `resumed`: what the run continues from. Lengths are settled from what it has done, and its learning rate and mixture
// get their state back, so that they can be planned; whether it fits the configuration is not checked. A plugin of its
// that is missing is told apart by what the checkpoint says of it, and is looked for where it lay then.
std::unique_ptr<Session> build_session(RunConfig config, const std::vector<std::string>& plugin_paths, bool with_data,
                                       const Snapshot* resumed = nullptr);

}  // namespace espalier
