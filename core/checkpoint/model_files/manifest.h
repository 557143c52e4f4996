// espalier/manifest.json: what a checkpoint is, and the SHA-256 of each of its files. It is read first, and no file is
// used that it does not list. No tensors here.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/file.h"
#include "core/base/json.h"
#include "core/base/json_object.h"

namespace espalier {

// Raised where a reader that does not know what is new would make another model of the files.
constexpr int64_t kFormatVersion = 2;

class Manifest {
 public:
  // The text alone, without looking at the files. Throws Error(checkpoint) for another format, a newer version, and a
  // list of files that is empty, leaves the folder or holds what is no hash.
  Manifest(std::string_view text, fs::path dir);
  // Reads <dir>/espalier/manifest.json and compares every file with its hash, and the step with that in the
  // folder's name. Throws Error(checkpoint) naming the file.
  static Manifest read(const fs::path& dir);

  JsonObject root() const { return {json_, ErrorCode::checkpoint, path().string()}; }
  fs::path path() const { return dir_ / "espalier" / "manifest.json"; }
  bool has(const std::string& name) const { return files_.count(name) != 0; }
  // The path of a file of the checkpoint ("espalier/state.json"). Throws Error(checkpoint) when it is not listed.
  fs::path file(const std::string& name) const;
  // The names of the files listed under a folder ("espalier/plugins/").
  std::vector<std::string> under(const std::string& folder) const;
  const std::map<std::string, std::string>& files() const { return files_; }

 private:
  nlohmann::json json_;
  fs::path dir_;
  std::map<std::string, std::string> files_;
};

// The hash of every file in the folder but the manifest, by name: the manifest's "files".
nlohmann::json file_hashes(const fs::path& dir);

}  // namespace espalier
