#include "core/data/text/file_hashes.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <future>
#include <thread>

#include "core/base/cpus.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/base/open_file.h"
#include "core/base/system_call.h"

namespace espalier {

std::string file_stamp(const fs::path& path) {
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) return {};
  return fmt::format("{} {}.{:09} {}.{:09} {}", info.st_size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec,
                     info.st_ctim.tv_sec, info.st_ctim.tv_nsec, info.st_ino);
}

namespace {

std::string key_of(const fs::path& path) {
  // File names are bytes; the index is JSON, which holds UTF-8 only.
  return escape_invalid_utf8(fs::absolute(path).lexically_normal().string());
}

}  // namespace

FileHashes::FileHashes(const fs::path& folder) : index_(folder / "files.json"), known_(nlohmann::json::object()) {
  if (!path_exists(index_)) return;
  if (auto read = open_sealed_json(read_file(index_, ErrorCode::data))) known_ = std::move(*read);
}

bool FileHashes::known(const fs::path& path) const {
  const auto entry = known_.find(key_of(path));
  const std::string stamp = file_stamp(path);  // empty: the system does not say, which proves nothing
  return entry != known_.end() && entry->is_object() && !stamp.empty() &&
         entry->value("stamp", nlohmann::json()) == stamp && entry->contains("sha256") &&
         (*entry)["sha256"].is_string();
}

void FileHashes::keep(const fs::path& path, const std::string& stamp, const std::string& hash) {
  known_[key_of(path)] = {{"stamp", stamp}, {"sha256", hash}};
  changed_ = true;
}

void FileHashes::add(const std::vector<fs::path>& paths) {
  std::vector<fs::path> unknown;
  for (const auto& path : paths)
    if (!known(path)) unknown.push_back(path);
  if (unknown.empty()) return;
  // The stamp is taken first: a file that changes meanwhile is hashed again the next time.
  std::vector<std::pair<std::string, std::string>> found(unknown.size());
  std::atomic<size_t> next{0};
  const auto work = [&] {
    for (size_t i = next++; i < unknown.size(); i = next++)
      found[i] = {file_stamp(unknown[i]), sha256_file(unknown[i], ErrorCode::data)};
  };
  std::vector<std::future<void>> running;
  const size_t threads =
      std::min<size_t>(static_cast<unsigned>(std::min<int64_t>(usable_cpus().threads, 16)), unknown.size());
  for (size_t i = 0; i < threads; ++i) running.push_back(std::async(std::launch::async, work));
  for (auto& worker : running) worker.get();
  for (size_t i = 0; i < unknown.size(); ++i) keep(unknown[i], found[i].first, found[i].second);
}

std::string FileHashes::sha256(const fs::path& path) {
  if (!known(path)) {
    const std::string stamp = file_stamp(path);
    keep(path, stamp, sha256_file(path, ErrorCode::data));
  }
  return known_[key_of(path)]["sha256"];
}

void FileHashes::save() const {
  if (!changed_) return;
  // Not in a folder that can only be read: what is not remembered is hashed again the next time.
  if (::access(index_.parent_path().c_str(), W_OK) != 0 && read_only(errno)) return;
  write_file_atomic(index_, sealed_json(known_), ErrorCode::data);
}

}  // namespace espalier
