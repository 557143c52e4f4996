// The verbs of the program. Each function adds its sub-commands; `action` is set to what the chosen one does. Actions
// return the exit code and throw Error.
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>
#include <vector>

namespace espalier {

using Action = std::function<int()>;

void add_train_verbs(CLI::App& app, Action& action, const std::vector<std::string>& argv);  // train, resume
void add_plan_verb(CLI::App& app, Action& action);
void add_model_verbs(CLI::App& app, Action& action);  // eval, generate
void add_data_verb(CLI::App& app, Action& action);    // data, with the sub-verbs below
void add_data_prepare(CLI::App& data, Action& action);
void add_data_mix(CLI::App& data, Action& action);
void add_data_generate(CLI::App& data, Action& action);
void add_data_score(CLI::App& data, Action& action);
void add_data_inspect(CLI::App& data, Action& action);
void add_plugin_verb(CLI::App& app, Action& action);  // plugin list, plugin info

// Options that several verbs share.
struct ConfigOptions {
  std::string config;
  std::vector<std::string> sets, plugin_paths;

  void add(CLI::App& verb, bool with_config);
};
void add_scorer_option(CLI::App& verb, std::vector<std::string>& scorers);
void add_plugin_path(CLI::App& verb, std::vector<std::string>& paths);

}  // namespace espalier
