#include "core/plugin/probe_cache.h"

#include <espalier/abi.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/json.h"

namespace espalier::plugin {
namespace {

std::string key_of(const ProbeResult& result) {
  return fmt::format("{}:abi-{}.{}:espalier-{}", result.sha256, ESP_ABI_MAJOR, ESP_ABI_MINOR, ESPALIER_VERSION);
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::filesystem::path default_probe_cache() {
  if (const std::string given = variable("ESPALIER_PLUGIN_CACHE"); !given.empty()) return given;
  constexpr const char* kFile = "espalier/plugins-v0.json";
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty()) return std::filesystem::path(cache) / kFile;
  if (const std::string home = variable("HOME"); !home.empty()) return std::filesystem::path(home) / ".cache" / kFile;
  return {};
}

ProbeCache::ProbeCache(std::filesystem::path path) : path_(std::move(path)) {
  std::error_code ignored;
  if (path_.empty() || !std::filesystem::is_regular_file(path_, ignored)) return;
  try {
    // A damaged one counts as empty: the libraries are asked again.
    if (const auto known = open_sealed_json(read_file(path_, ErrorCode::plugin)))
      reports_ = known->get<std::map<std::string, std::string>>();
  } catch (const std::exception&) {
    reports_.clear();
  }
}

bool ProbeCache::find(ProbeResult& result) const {
  const auto found = reports_.find(key_of(result));
  if (found == reports_.end()) return false;
  try {
    read_report(found->second, result);
    return result.ok();
  } catch (const Error&) {
    return false;
  }
}

void ProbeCache::add(const ProbeResult& result) {
  constexpr size_t kMaxReports = 500;  // every rebuild of a library leaves one behind
  const std::string key = key_of(result);
  if (!result.ok() || reports_.count(key) != 0) return;
  if (reports_.size() >= kMaxReports) reports_.clear();
  reports_[key] = write_report(result);
  changed_ = true;
}

void ProbeCache::save() {
  if (!changed_ || path_.empty()) return;
  // A name of our own: two processes may write at the same time, and either result is good.
  std::filesystem::path temporary = path_;
  temporary += fmt::format(".{}.tmp", ::getpid());
  std::error_code ignored;
  try {
    make_dirs(path_.parent_path(), ErrorCode::plugin);
    write_file(temporary, sealed_json(nlohmann::json(reports_)), ErrorCode::plugin);
    std::filesystem::rename(temporary, path_);
    changed_ = false;
  } catch (const std::exception&) {
    std::filesystem::remove(temporary, ignored);
  }
}

}  // namespace espalier::plugin
