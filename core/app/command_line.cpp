#include "core/app/command_line.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <CLI/CLI.hpp>

#include <iostream>

#include "core/base/error.h"
#include "core/base/output.h"
#include "core/base/text.h"

namespace espalier {
namespace {

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

}  // namespace

CommandOption& CommandOption::required() {
  option_->required();
  return *this;
}
CommandOption& CommandOption::show_default() {
  option_->capture_default_str();
  return *this;
}
CommandOption& CommandOption::type_name(const std::string& name) {
  option_->type_name(name);
  return *this;
}
CommandOption& CommandOption::one_of(std::vector<std::string> values) {
  option_->check(CLI::IsMember(std::move(values)));
  return *this;
}
CommandOption& CommandOption::at_least(double smallest) {
  option_->check(CLI::Validator(
      [smallest](const std::string& text) {
        double value = 0;
        return CLI::detail::lexical_cast(text, value) && value >= smallest
                   ? std::string()
                   : fmt::format("{} is not a number of at least {}", text, smallest);
      },
      ""));
  return *this;
}
CommandOption& CommandOption::between(int smallest, int largest) {
  option_->check(CLI::Range(smallest, largest));
  return *this;
}
CommandOption& CommandOption::comma_separated() {
  option_->delimiter(',');
  return *this;
}
CommandOption& CommandOption::repeatable() {
  option_->take_all()->allow_extra_args(false);
  return *this;
}
CommandOption& CommandOption::transform(std::function<std::string(std::string)> change) {
  option_->transform(std::move(change), "", "");
  return *this;
}

Command Command::add_verb(const std::string& name, const std::string& help) {
  app_->require_subcommand(1);
  return {*app_->add_subcommand(name, help), *action_};
}
Command Command::add_hidden_verb(const std::string& name) {
  return {*app_->add_subcommand(name, "")->group(""), *action_};
}

CommandOption Command::add(const std::string& names, std::string& value, const std::string& help) {
  return CommandOption(*app_->add_option(names, value, help));
}
CommandOption Command::add(const std::string& names, int& value, const std::string& help) {
  return CommandOption(*app_->add_option(names, value, help));
}
CommandOption Command::add(const std::string& names, int64_t& value, const std::string& help) {
  return CommandOption(*app_->add_option(names, value, help));
}
CommandOption Command::add(const std::string& names, uint64_t& value, const std::string& help) {
  return CommandOption(*app_->add_option(names, value, help));
}
CommandOption Command::add(const std::string& names, double& value, const std::string& help) {
  return CommandOption(*app_->add_option(names, value, help));
}
CommandOption Command::add(const std::string& names, std::vector<std::string>& values, const std::string& help) {
  return CommandOption(*app_->add_option(names, values, help));
}
CommandOption Command::add(const std::string& names, std::vector<int>& values, const std::string& help) {
  return CommandOption(*app_->add_option(names, values, help));
}
void Command::add_flag(const std::string& names, bool& value, const std::string& help) {
  app_->add_flag(names, value, help);
}

void Command::on_chosen(std::function<int()> action) {
  app_->callback([chosen = action_, action = std::move(action)] { *chosen = action; });
}

CommandLine::CommandLine(const std::string& about, const std::string& name, const std::string& version,
                         const std::string& footer)
    : app_(std::make_unique<CLI::App>(about, name)) {
  app_->set_version_flag("--version", version);
  app_->failure_message(CLI::FailureMessage::simple);
  app_->footer(footer);
}
CommandLine::~CommandLine() = default;

Command CommandLine::program() {
  return {*app_, action_};
}

std::optional<int> CommandLine::parse(int argc, char** argv) {
  check_verbs(*app_, argc, argv);
  try {
    app_->parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app_->exit(error, output(), std::cerr) == 0 ? 0 : 2;
  }
  return std::nullopt;
}

}  // namespace espalier
