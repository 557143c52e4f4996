#include "core/base/log.h"

#include <spdlog/details/log_msg_buffer.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/dist_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "core/base/error.h"
#include "core/base/log_lines.h"

namespace espalier {
namespace {

constexpr size_t kMostKept = 10000;

// Holds lines back until there is a file for them.
class KeepingSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void start() {
    const std::lock_guard lock(mutex_);
    keeps_ = true;
  }
  void hand_over(spdlog::sinks::sink& to) {
    const std::lock_guard lock(mutex_);
    for (const auto& message : kept_) to.log(message);
    kept_.clear();
    keeps_ = false;
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    if (keeps_ && kept_.size() < kMostKept) kept_.emplace_back(message);
  }
  void flush_() override {}

 private:
  bool keeps_ = false;
  std::vector<spdlog::details::log_msg_buffer> kept_;
};

// https://no-color.org: set and not empty.
spdlog::color_mode colors() {
  const char* no_color = std::getenv("NO_COLOR");
  return no_color != nullptr && *no_color != '\0' ? spdlog::color_mode::never : spdlog::color_mode::automatic;
}

struct Logging {
  std::shared_ptr<spdlog::sinks::dist_sink_mt> sinks = std::make_shared<spdlog::sinks::dist_sink_mt>();
  std::shared_ptr<KeepingSink> keeping = std::make_shared<KeepingSink>();
  spdlog::logger logger{"espalier", sinks};

  // stderr carries the log, so that stdout stays free for --json and generated text.
  Logging() {
    auto console = std::make_shared<spdlog::sinks::stderr_color_sink_mt>(colors());
    console->set_pattern("%^%v%$");
    sinks->set_sinks({console, keeping});
    logger.flush_on(spdlog::level::info);
    // A full disk must not end the run; each line would say it again.
    logger.set_error_handler([said = false](const std::string& what) mutable {
      if (!std::exchange(said, true)) std::fprintf(stderr, "warning: the log cannot be written: %s\n", what.c_str());
    });
  }
};

Logging& logging() {
  static Logging instance;
  return instance;
}

spdlog::logger& logger() {
  return logging().logger;
}

}  // namespace

void keep_log_lines() {
  logging().keeping->start();
}

void log_to_file(const std::filesystem::path& path) {
  try {
    auto file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
    file->set_pattern("%Y-%m-%dT%H:%M:%S.%e %v");
    logging().keeping->hand_over(*file);
    file->flush();
    logging().sinks->add_sink(std::move(file));
  } catch (const spdlog::spdlog_ex& error) {
    throw Error(ErrorCode::config, error.what(), path.string());
  }
}

void log_line(std::string_view text) {
  logger().info(text);
}
void warn_line(std::string_view text) {
  logger().warn("warning: {}", text);
}

}  // namespace espalier
