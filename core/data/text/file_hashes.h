// SHA-256 of input files, remembered in the cache folder: a file whose path, size, times and inode are unchanged is not
// read again, so a start with prepared data takes no time.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/base/json.h"

namespace espalier {

// Everything about a file that changes with its contents, short of the contents: size, times, inode. Empty when there
// is no such file.
std::string file_stamp(const std::filesystem::path& path);

class FileHashes {
 public:
  // Reads <folder>/files.json; a missing or damaged one counts as empty.
  explicit FileHashes(const std::filesystem::path& folder);
  // Hashes what is not known yet on several threads, so that sha256() finds it. Throws Error(data).
  void add(const std::vector<std::filesystem::path>& paths);
  // 64 hexadecimal digits. Throws Error(data) when the file cannot be read.
  std::string sha256(const std::filesystem::path& path);
  // Writes files.json when something was added. Throws Error(data).
  void save() const;

 private:
  bool known(const std::filesystem::path& path) const;
  void keep(const std::filesystem::path& path, const std::string& stamp, const std::string& hash);

  std::filesystem::path index_;
  nlohmann::json known_;
  bool changed_ = false;
};

}  // namespace espalier
