#include "core/checkpoint/model_files/manifest.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/text.h"
#include "core/checkpoint/model_files/folders.h"
#include "core/checkpoint/model_files/weight_index.h"

namespace espalier {
namespace {

constexpr auto kCode = ErrorCode::checkpoint;
constexpr const char* kFormat = "espalier-checkpoint";

bool is_sha256(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

// Files that plugins' state and growth plans are read from must be listed: one that is not was not written by us.
void refuse_unlisted(const Manifest& manifest, const fs::path& dir) {
  for (const char* folder : {"espalier/plugins", "espalier/plans"}) {
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(dir / folder, error)) {
      const std::string file = entry.path().filename().string(), name = fmt::format("{}/{}", folder, file);
      if (!file.starts_with('.') && !manifest.has(name))
        throw Error(kCode, "is not listed in the manifest", (dir / name).string(),
                    "remove it if it does not belong to the checkpoint");
    }
  }
}

}  // namespace

Manifest::Manifest(std::string_view text, fs::path dir) : dir_(std::move(dir)) {
  json_ = parse_json(text, kCode, path().string(), {}, JsonKeys::unique);
  const JsonObject top = root();
  if (top.text("format", "") != kFormat) top.fail("is not an Espalier manifest");
  const int64_t version = top.integer("format_version", 0);
  if (version > kFormatVersion)
    top.fail(
        fmt::format("was written by a newer Espalier (format {}, this one reads up to {})", version, kFormatVersion),
        "update Espalier");
  for (const auto& [name, hash] : top.object("files").value().items()) {
    if (!stays_inside(name)) top.fail(fmt::format("lists '{}', which is no file of this folder", valid_utf8(name)));
    if (!hash.is_string() || !is_sha256(hash.get<std::string>()))
      top.fail(fmt::format("'{}' has the sha256 {}", valid_utf8(name), brief_json(hash)));
    files_[name] = hash.get<std::string>();
  }
  if (files_.empty()) top.fail("lists no files");
}

Manifest Manifest::read(const fs::path& dir) {
  const fs::path path = dir / "espalier" / "manifest.json";
  Manifest manifest(read_file(path, kCode), dir);
  for (const auto& [name, hash] : manifest.files_)
    if (sha256_file(dir / name, kCode) != hash)
      throw Error(kCode, "does not match the sha256 in its manifest: the file is damaged", (dir / name).string());
  for (const char* name : {"config.json", "model.safetensors"}) manifest.file(name);
  refuse_unlisted(manifest, dir);
  const int64_t step = manifest.root().integer("step");
  if (const auto expected = step_of(dir); expected && step != *expected)
    throw Error(kCode, fmt::format("is the manifest of step {}", step), path.string(),
                "the folder was renamed: give it back its name");
  return manifest;
}

fs::path Manifest::file(const std::string& name) const {
  if (!has(name)) root().fail(fmt::format("does not list {}", valid_utf8(name)), "the checkpoint is incomplete");
  return dir_ / name;
}

std::vector<std::string> Manifest::under(const std::string& folder) const {
  std::vector<std::string> out;
  for (const auto& [name, hash] : files_)
    if (name.starts_with(folder)) out.push_back(name);
  return out;
}

nlohmann::json file_hashes(const fs::path& dir) {
  nlohmann::json out = nlohmann::json::object();
  for (const auto& entry : fs::recursive_directory_iterator(dir)) {
    const std::string name = fs::relative(entry.path(), dir).string();
    if (entry.is_regular_file() && name != "espalier/manifest.json") out[name] = sha256_file(entry.path(), kCode);
  }
  return out;
}

}  // namespace espalier
