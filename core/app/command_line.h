// The verbs of the program and their options. CLI11 reads the command line; only command_line.cpp sees it, as its
// header costs each file that includes it ten seconds.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace espalier {

// An option that was added; each call says one thing more of it. Valid as long as the CommandLine.
class CommandOption {
 public:
  explicit CommandOption(CLI::Option& option) : option_(&option) {}

  CommandOption& required();
  CommandOption& show_default();
  CommandOption& type_name(const std::string& name);
  CommandOption& one_of(std::vector<std::string> values);
  CommandOption& at_least(double smallest);
  CommandOption& between(int smallest, int largest);
  // a,b,c
  CommandOption& comma_separated();
  // --x a --x b
  CommandOption& repeatable();
  CommandOption& transform(std::function<std::string(std::string)> change);

 private:
  CLI::Option* option_;
};

// A verb, or the program itself. Values are written while the command line is read: they must outlive it.
class Command {
 public:
  // action: of the verb that was chosen, returns the exit code.
  Command(CLI::App& app, std::function<int()>& action) : app_(&app), action_(&action) {}

  // Once a command has verbs, one of them must be given.
  Command add_verb(const std::string& name, const std::string& help);
  // Not listed by --help: for this program's own use.
  Command add_hidden_verb(const std::string& name);

  // names: "--level,--levels", or without dashes for a positional argument.
  CommandOption add(const std::string& names, std::string& value, const std::string& help);
  CommandOption add(const std::string& names, int& value, const std::string& help);
  CommandOption add(const std::string& names, int64_t& value, const std::string& help);
  CommandOption add(const std::string& names, uint64_t& value, const std::string& help);
  CommandOption add(const std::string& names, double& value, const std::string& help);
  CommandOption add(const std::string& names, std::vector<std::string>& values, const std::string& help);
  CommandOption add(const std::string& names, std::vector<int>& values, const std::string& help);
  void add_flag(const std::string& names, bool& value, const std::string& help);

  void on_chosen(std::function<int()> action);

 private:
  CLI::App* app_;
  std::function<int()>* action_;
};

class CommandLine {
 public:
  CommandLine(const std::string& about, const std::string& name, const std::string& version, const std::string& footer);
  ~CommandLine();

  Command program();
  // Nothing where a verb is to be run; else the exit code, after --help and --version (on output()) and for a line that
  // is wrong (on stderr). Throws Error(config) for a verb that there is not.
  std::optional<int> parse(int argc, char** argv);
  // What the verb that was chosen does.
  int run() const { return action_(); }

 private:
  std::unique_ptr<CLI::App> app_;
  std::function<int()> action_;
};

}  // namespace espalier
