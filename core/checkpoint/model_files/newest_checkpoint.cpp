#include "core/checkpoint/model_files/newest_checkpoint.h"

#include <fmt/format.h>

#include "core/base/log.h"
#include "core/checkpoint/model_files/folders.h"

namespace espalier {

std::optional<fs::path> newest_checkpoint(const fs::path& checkpoints_dir, const OpenFolder& open,
                                          std::vector<std::string>& skipped) {
  const auto dirs = checkpoint_dirs(checkpoints_dir);
  if (dirs.empty()) return std::nullopt;
  for (auto dir = dirs.rbegin(); dir != dirs.rend(); ++dir) {
    try {
      open(*dir);
      return *dir;
    } catch (const Error& error) {
      skipped.push_back(dir->filename().string() + ": " + error.message() + " (" + error.place() + ")");
    }
  }
  throw Error(ErrorCode::checkpoint,
              fmt::format("none of the {} checkpoints is valid; the newest: {}", dirs.size(), skipped.front()),
              checkpoints_dir.string(), "start afresh in another folder with --run-dir");
}

std::optional<fs::path> open_model(const fs::path& path, const OpenFolder& open) {
  std::error_code ignored;
  if (fs::exists(path / "config.json", ignored)) {
    open(path);
    return path;
  }
  const fs::path inside = path / "checkpoints";
  std::vector<std::string> skipped;
  const auto found = newest_checkpoint(fs::is_directory(inside, ignored) ? inside : path, open, skipped);
  for (const auto& reason : skipped) log_warning("skipping a damaged checkpoint: {}", reason);
  if (found) log_info("the newest checkpoint of {} is {}", path.string(), found->filename().string());
  return found;
}

}  // namespace espalier
