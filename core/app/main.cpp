// espalier: reads the command line, runs one verb, turns an Error into a message and its exit code.
#include <c10/util/Exception.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <new>
#include <stdexcept>
#include <string_view>

#include "core/app/environment.h"
#include "core/app/process.h"
#include "core/app/run_config.h"
#include "core/app/verbs.h"
#include "core/base/output.h"
#include "core/base/text.h"
#include "core/plugin/call_guard.h"
#include "core/plugin/probe.h"
#include "core/plugin/worker_process.h"

namespace espalier {

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
      output() << document_fields([&](Fields& f) { config.fields(f); });
      return 0;
    };
  });
}

int report(const Error& error) {
  std::cerr << "espalier: " << error.what() << "\n";
  return error.exit_code();
}

// CLI11 says of a mistyped verb only that a verb is required. The words before the first option name verbs, as far as
// there are any below.
void check_verbs(const CLI::App& app, int argc, char** argv) {
  const CLI::App* level = &app;
  std::string place;
  for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
    std::vector<std::string> names;
    const CLI::App* chosen = nullptr;
    for (const CLI::App* verb : level->get_subcommands([](const CLI::App*) { return true; })) {
      if (verb->get_name() == argv[i]) chosen = verb;
      if (!verb->get_group().empty()) names.push_back(verb->get_name());
    }
    if (chosen == nullptr && names.empty()) return;
    if (chosen == nullptr) {
      std::string hint = did_you_mean(argv[i], names);
      if (hint.empty())
        hint = fmt::format("one of {}; `espalier {}{}--help` explains them", fmt::join(names, ", "), place,
                           place.empty() ? "" : " ");
      throw Error(ErrorCode::config, fmt::format("there is no verb '{}'", argv[i]), place, hint);
    }
    level = chosen;
    place += (place.empty() ? "" : " ") + std::string(argv[i]);
  }
}

// Memory that could not be had; nothing where the failure is another.
bool is_out_of_memory(const std::exception& error) {
  const std::string_view what = error.what();
  return dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
         dynamic_cast<const std::length_error*>(&error) != nullptr ||
         what.find("can't allocate memory") != std::string_view::npos ||
         what.find("out of memory") != std::string_view::npos ||
         what.find("Storage size calculation overflowed") != std::string_view::npos;
}

// What no reader has turned into an Error of its own: the system's failures get a reason and a hint, the rest is ours.
int report_unexpected(const std::exception& error, const std::string& what) {
  if (is_out_of_memory(error))
    return report({ErrorCode::config, "there is not enough memory", "this machine",
                   "use a smaller model, training.micro_batch, training.seq_len or text"});
  if (const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error))
    return report({ErrorCode::config, "cannot be read or written: " + file->code().message(), file->path1().string(),
                   "check the path and its permissions"});
  std::cerr << "espalier: internal error: " << what << "\n";
  return 1;
}

int run(int argc, char** argv) {
  CLI::App app{"Espalier pre-trains transformers that grow while they train.", "espalier"};
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
  check_verbs(app, argc, argv);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (app.exit(error, output(), std::cerr) != 0) return 2;
    finish_output();  // help and version
    return 0;
  }
  // Where foreign code runs for itself its output is dealt with there.
  if (!app.got_subcommand("plugin-probe") && !app.got_subcommand("plugin-worker")) {
    take_standard_output();
    plugin::guard_calls();
  }
  const int code = action();
  finish_output();
  return code;
}

}  // namespace
}  // namespace espalier

namespace {

int run_reported(int argc, char** argv) {
  try {
    return espalier::run(argc, argv);
  } catch (const espalier::Error& error) {
    return espalier::report(error);
  } catch (const c10::Error& error) {
    return espalier::report_unexpected(error, std::string("LibTorch failed: ") + error.what_without_backtrace());
  } catch (const std::exception& error) {
    return espalier::report_unexpected(error, error.what());
  }
}

}  // namespace

int main(int argc, char** argv) {
  espalier::prepare_process();
  const int code = run_reported(argc, argv);
  // What a crashed plugin has registered to run at exit is not run.
  if (espalier::plugin::has_crashed()) std::_Exit(code);
  return code;
}
