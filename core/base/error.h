// The one error type of the host. Expected failures (bad config, damaged file, a plugin that misbehaves) are thrown as
// Error and shown once, by main(); our own bugs are asserts. Exceptions never cross the plugin ABI.
#pragma once

#include <stdexcept>
#include <string>

namespace espalier {

// What went wrong, which is also the process's exit code.
enum class ErrorCode {
  internal = 1,
  config = 2,      // usage, configuration, an unusable run folder
  data = 3,        // corpus, tokenizer, shards
  diverged = 4,    // loss or gradient not finite
  checkpoint = 5,  // no valid checkpoint, or one that could not be written
  plugin = 6,      // missing, refused or misbehaving plugin
};

class Error : public std::runtime_error {
 public:
  // place: file:line:column, a path or a plugin id; hint: what the user can do. Both may be empty.
  Error(ErrorCode code, std::string message, std::string place = {}, std::string hint = {});

  ErrorCode code() const noexcept { return code_; }
  int exit_code() const noexcept { return static_cast<int>(code_); }
  const std::string& message() const noexcept { return message_; }
  const std::string& place() const noexcept { return place_; }
  const std::string& hint() const noexcept { return hint_; }

 private:
  ErrorCode code_;
  std::string message_, place_, hint_;
};

}  // namespace espalier
