// espalier: reads the command line, runs one verb, turns an Error into a message and its exit code.
#include <c10/util/Exception.h>

#include <cstdio>
#include <iostream>

#include "core/app/environment.h"
#include "core/app/run_config.h"
#include "core/app/verbs.h"
#include "core/plugin/probe.h"
#include "core/plugin/worker_process.h"

namespace espalier {

void ConfigOptions::add(CLI::App& verb, bool with_config) {
  if (with_config) verb.add_option("config", config, "Configuration file (TOML)")->required();
  verb.add_option("--set", sets, "Override a key of the configuration: --set optimizer.lr=1e-3 (repeatable)")
      ->type_name("KEY=VALUE")
      ->take_all()
      ->allow_extra_args(false);
  add_plugin_path(verb, plugin_paths);
}

void add_plugin_path(CLI::App& verb, std::vector<std::string>& paths) {
  verb.add_option("--plugin-path", paths, "Folder (or library) to search for plugins first (repeatable)")
      ->type_name("DIR")
      ->take_all()
      ->allow_extra_args(false);
}

namespace {

void add_hidden_verbs(CLI::App& app, Action& action, std::string& library) {
  auto* probe = app.add_subcommand("plugin-probe", "")->group("");
  probe->add_option("library", library)->required();
  probe->callback([&] { action = [&] { return plugin::run_plugin_probe(library); }; });
  app.add_subcommand("plugin-worker", "")->group("")->callback([&] {
    action = []() -> int { plugin::run_plugin_worker(); };
  });
  app.add_subcommand("config-docs", "")->group("")->callback([&] {
    action = [] {
      RunConfig config;
      std::cout << document_fields([&](Fields& f) { config.fields(f); });
      return 0;
    };
  });
}

int report(const Error& error) {
  std::cerr << "espalier: " << error.what() << "\n";
  return error.exit_code();
}

int run(int argc, char** argv) {
  CLI::App app{"Espalier pre-trains transformers that grow while they train."};
  app.set_version_flag("--version", version());
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  app.footer(
      "Exit codes: 0 done or saved on SIGTERM, 2 usage or configuration, 3 data, 4 diverged, 5 checkpoint, 6 plugin.");
  Action action;
  std::string library;
  add_train_verbs(app, action, {argv, argv + argc});
  add_plan_verb(app, action);
  add_model_verbs(app, action);
  add_data_verb(app, action);
  add_plugin_verb(app, action);
  add_hidden_verbs(app, action, library);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return code == 0 ? 0 : 2;
  }
  return action();
}

}  // namespace
}  // namespace espalier

int main(int argc, char** argv) {
  try {
    return espalier::run(argc, argv);
  } catch (const espalier::Error& error) {
    return espalier::report(error);
  } catch (const c10::Error& error) {
    std::cerr << "espalier: LibTorch failed: " << error.what_without_backtrace() << "\n";
  } catch (const std::exception& error) {
    std::cerr << "espalier: " << error.what() << "\n";
  }
  return 1;
}
