// The tables of the training loop: [job] [training] [validation] [metrics].
#pragma once

#include <string>
#include <vector>

#include "core/config/toml.h"

namespace espalier {

struct JobConfig {
  std::string name = "run";
  int64_t seed = 1234;

  void fields(Fields& f);
};

struct TrainingConfig {
  Duration steps = Duration::of_steps(1000);
  int64_t seq_len = 256, micro_batch = 8, global_batch = 0;
  std::string dtype = "auto", device = "auto";
  double max_norm = 1.0;
  int64_t threads = 0;

  void fields(Fields& f);
  int64_t grad_accum_steps() const { return global_batch == 0 ? 1 : global_batch / micro_batch; }
  int64_t tokens_per_step() const { return grad_accum_steps() * micro_batch * seq_len; }
  // Throws Error(config) where the numbers do not fit together.
  void check(const Places& places) const;
};

struct ValidationConfig {
  Duration interval{0, Duration::Unit::steps};
  int64_t batches = 8;
  int64_t samples = 3, sample_tokens = 60;
  double temperature = 0.8;
  std::vector<std::string> prompts{"The ", "In the beginning", "When you"};

  void fields(Fields& f);
};

struct MetricsConfig {
  int64_t log_interval = 10;
  bool tensorboard = true;

  void fields(Fields& f);
};

}  // namespace espalier
