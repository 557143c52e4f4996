#include "core/data/prepare/cache_file.h"

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/open_file.h"

namespace espalier {
namespace {

fs::path sum_path(const fs::path& path) {
  return path.string() + ".sum";
}

}  // namespace

void write_cache_file(const fs::path& path, std::string_view bytes) {
  write_file_atomic(path, bytes, ErrorCode::data);
  write_file_atomic(sum_path(path), sealed_json({{"sha256", sha256_bytes(bytes)}}), ErrorCode::data);
}

std::optional<std::string> read_cache_file(const fs::path& path) {
  if (!path_exists(path)) return std::nullopt;
  std::string bytes = read_file(path, ErrorCode::data);
  if (path_exists(sum_path(path))) {
    const auto sum = open_sealed_json(read_file(sum_path(path), ErrorCode::data));
    if (sum && sum->value("sha256", nlohmann::json()) == sha256_bytes(bytes)) return bytes;
  }
  log_warning("{} is damaged or of an earlier version of Espalier; it is made again", path.string());
  return std::nullopt;
}

}  // namespace espalier
