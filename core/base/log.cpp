#include "core/base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "core/base/error.h"

namespace espalier {
namespace {

// stderr carries the log, so that stdout stays free for --json and generated text.
spdlog::logger& logger() {
  static const auto instance = [] {
    auto console = std::make_shared<spdlog::sinks::stderr_color_sink_mt>();
    console->set_pattern("%^%v%$");
    auto made = std::make_shared<spdlog::logger>("espalier", console);
    made->flush_on(spdlog::level::info);
    return made;
  }();
  return *instance;
}

}  // namespace

void log_to_file(const std::filesystem::path& path) {
  try {
    auto file = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
    file->set_pattern("%Y-%m-%dT%H:%M:%S.%e %v");
    logger().sinks().push_back(std::move(file));
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
