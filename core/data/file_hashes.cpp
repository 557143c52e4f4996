#include "core/data/file_hashes.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "core/base/file.h"

namespace espalier {

std::string file_stamp(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return fmt::format("{} {}.{:09} {}.{:09} {}", info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                     info.st_ctim.tv_sec, info.st_ctim.tv_nsec, info.st_ino);
}

FileHashes::FileHashes(const fs::path& folder) : index_(folder / "files.json"), known_(nlohmann::json::object()) {
  if (!fs::exists(index_)) return;
  auto read = nlohmann::json::parse(read_file(index_, ErrorCode::data), nullptr, false);
  if (read.is_object()) known_ = std::move(read);
}

std::string FileHashes::sha256(const fs::path& path) {
  const std::string key = fs::absolute(path).lexically_normal().string();
  const std::string stamp = file_stamp(path);
  auto& entry = known_[key];
  if (entry.is_object() && entry.value("stamp", "") == stamp && entry.contains("sha256") && entry["sha256"].is_string())
    return entry["sha256"];
  const std::string hash = sha256_file(path, ErrorCode::data);
  entry = {{"stamp", stamp}, {"sha256", hash}};
  changed_ = true;
  return hash;
}

void FileHashes::save() const {
  if (changed_) write_file_atomic(index_, known_.dump(1), ErrorCode::data);
}

}  // namespace espalier
