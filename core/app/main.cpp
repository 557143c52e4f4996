// espalier: reads the command line, runs one verb, turns an Error into a message and its exit code.
#include <c10/util/Exception.h>

#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <new>
#include <stdexcept>
#include <string_view>

#include "core/app/verbs.h"
#include "core/base/output.h"
#include "core/base/process.h"
#include "core/plugin/call_guard.h"
#include "core/run/config.h"
#include "core/run/environment.h"

namespace espalier {

namespace {

// For `./dev docs`.
void add_config_docs(Command program) {
  program.add_hidden_verb("config-docs").on_chosen([] {
    RunConfig config;
    output() << document_fields([&](Fields& f) { config.fields(f); });
    return 0;
  });
}

int report(const Error& error) {
  std::cerr << "espalier: " << error.what() << "\n";
  return error.exit_code();
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
  CommandLine line(
      "Espalier pre-trains transformers that grow while they train.", "espalier", version(),
      "Exit codes: 0 done or saved on SIGTERM, 2 usage or configuration, 3 data, 4 diverged, 5 checkpoint, 6 plugin.");
  const Command program = line.program();
  add_train_verbs(program, {argv, argv + argc});
  add_plan_verb(program);
  add_model_verbs(program);
  add_checkpoint_verb(program);
  add_data_verb(program);
  add_plugin_verb(program);
  add_config_docs(program);
  if (const auto code = line.parse(argc, argv)) {
    finish_output();
    return *code;
  }
  take_standard_output();
  plugin::guard_calls();
  const int code = line.run();
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
