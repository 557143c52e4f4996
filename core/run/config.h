// The whole configuration file: one member a table, each owned by the component that reads it.
#pragma once

#include <filesystem>

#include "core/checkpoint/snapshot/config.h"
#include "core/config/toml.h"
#include "core/data/difficulty/tier_rule.h"
#include "core/data/stream/config.h"
#include "core/model/config.h"
#include "core/optim/adamw.h"
#include "core/train/config.h"

namespace espalier {

struct GrowthConfig {
  PluginChoice plugin;
  double guard_bound = 0;
  Duration guard_after = Duration::of_steps(50);

  void fields(Fields& f);
};

// Where a plugin was chosen that the user did not choose: its name means the one that comes with Espalier.
inline constexpr const char* kDefaultPlace = "the default";

struct LrScheduleConfig {
  PluginChoice plugin{"cosine", kDefaultPlace, {}};
  void fields(Fields& f) { f.plugin(plugin, "Learning rate over the run."); }
};
struct MixtureScheduleConfig {
  PluginChoice plugin;
  void fields(Fields& f) {
    f.plugin(plugin,
             "Weights of difficulty tiers or of sources over the run; none: equal tiers, sources as in [data].");
  }
};
struct GrowthScheduleConfig {
  PluginChoice plugin;
  void fields(Fields& f) { f.plugin(plugin, "When each growth stage begins."); }
};
struct BatchScheduleConfig {
  PluginChoice plugin;
  void fields(Fields& f) { f.plugin(plugin, "Sequences of each step; none = always the full batch."); }
};
struct SeqLenScheduleConfig {
  PluginChoice plugin;
  void fields(Fields& f) { f.plugin(plugin, "Tokens of a row of each step; none = always training.seq_len."); }
};
struct ScheduleConfig {
  LrScheduleConfig lr;
  MixtureScheduleConfig mixture;
  GrowthScheduleConfig growth;
  BatchScheduleConfig batch;
  SeqLenScheduleConfig seq_len;

  void fields(Fields& f) {
    f.table("lr", lr, "Learning rate.");
    f.table("mixture", mixture, "Data mixture.");
    f.table("growth", growth, "Growth stages.");
    f.table("batch", batch, "Batch size.");
    f.table("seq_len", seq_len, "Sequence length.");
  }
};

struct PluginsConfig {
  std::vector<std::string> paths;
  bool isolate = false;
  double call_timeout = 300;

  void fields(Fields& f) {
    f.field("paths", paths, "Folders to search for plugins, before the standard ones.");
    f.field(
        "isolate", isolate,
        "Run each growth and schedule plugin in a process of its own, so that one that crashes or hangs cannot take "
        "the run with it. Costs a start of the program for each.");
    f.field("call_timeout", call_timeout, "Seconds that a call of an isolated growth or schedule plugin may take.",
            Range::above(0));
  }
};

struct RunConfig {
  JobConfig job;
  ModelConfig model;
  DataConfig data;
  DifficultyConfig difficulty;
  GrowthConfig growth;
  ScheduleConfig schedule;
  OptimizerConfig optimizer;
  TrainingConfig training;
  CheckpointConfig checkpoint;
  ValidationConfig validation;
  MetricsConfig metrics;
  PluginsConfig plugins;
  Places places;  // where each key was set, for errors found later

  void fields(Fields& f);
};

// Reads and checks a configuration file. Throws Error(config) at the key at fault.
RunConfig load_run_config(const std::filesystem::path& path, const std::vector<std::string>& overrides);
// The same from the text kept in a checkpoint.
RunConfig parse_run_config(const std::string& text, const std::string& name, const std::vector<std::string>& overrides);
// The configuration as a run keeps it: with absolute paths, so that it can be read from any folder.
std::string resolved_toml(RunConfig config);

}  // namespace espalier
