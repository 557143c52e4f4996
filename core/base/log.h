// Logging: spdlog behind three calls, so that no other file decides on sinks or patterns. Thread-safe.
#pragma once

#include <fmt/format.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

namespace espalier {

// Adds run.log in the run folder to the console sink. Lines of the console carry no time stamp.
void log_to_file(const std::filesystem::path& path);
void log_line(std::string_view text);
void warn_line(std::string_view text);

template <class... Args>
void log_info(fmt::format_string<Args...> format, Args&&... args) {
  log_line(fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warning(fmt::format_string<Args...> format, Args&&... args) {
  warn_line(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace espalier
