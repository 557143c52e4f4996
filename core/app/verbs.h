// The verbs of the program. Each function adds its own, with what they do when chosen: return the exit code or throw
// Error.
#pragma once

#include <string>
#include <vector>

#include "core/app/command_line.h"

namespace espalier {

void add_train_verbs(Command program, const std::vector<std::string>& argv);  // train, resume
void add_plan_verb(Command program);
void add_model_verbs(Command program);      // eval, generate
void add_checkpoint_verb(Command program);  // checkpoint inspect, diff, verify
void add_data_verb(Command program);        // data, with the sub-verbs below
void add_data_prepare(Command data);
void add_data_mix(Command data);
void add_data_generate(Command data);
void add_data_score(Command data);
void add_data_inspect(Command data);
void add_plugin_verb(Command program);  // plugin list, plugin info

// Options that several verbs share.
struct ConfigOptions {
  std::string config;
  std::vector<std::string> sets, plugin_paths;

  void add(Command verb, bool with_config);
};
void add_scorer_option(Command verb, std::vector<std::string>& scorers);
void add_plugin_path(Command verb, std::vector<std::string>& paths);

}  // namespace espalier
