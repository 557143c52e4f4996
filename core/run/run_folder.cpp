#include "core/run/run_folder.h"

#include "core/base/log.h"
#include "core/base/system_call.h"
#include "core/checkpoint/model_files/folders.h"

namespace espalier {

namespace {

bool made_with_lock_file(const fs::path& dir) {
  make_dirs(dir, ErrorCode::config);
  std::error_code ignored;
  return fs::exists(dir / ".lock", ignored);
}

}  // namespace

RunFolder::LockFile::~LockFile() {
  std::error_code ignored;
  if (remove) fs::remove(path, ignored);
}

RunFolder::RunFolder(const fs::path& dir, const RunConfig& config)
    : dir_(dir), had_lock_file_(made_with_lock_file(dir)), lock_(dir), lock_file_(dir / ".lock", !had_lock_file_) {
  restore_replaced(checkpoints());
  std::vector<std::string> skipped;
  resumed_ = load_latest(checkpoints(), skipped);
  for (const auto& reason : skipped) log_warning("skipping a damaged checkpoint: {}", reason);
  if (resumed_ && config.checkpoint.resume == "never")
    throw Error(ErrorCode::config, "the run folder already has a checkpoint, and resume = \"never\"", dir.string(),
                "choose another folder with --run-dir, or set checkpoint.resume = \"auto\"");
}

void RunFolder::clean() const {
  remove_leftovers(checkpoints());
  for (const char* name : {"config.resolved.toml", "env.json", "metrics.jsonl", "samples.txt"}) {
    std::error_code ignored;
    const fs::path left = dir() / (std::string(name) + ".tmp");
    if (fs::symlink_status(left, ignored).type() == fs::file_type::regular) fs::remove(left, ignored);
  }
}

void RunFolder::begin(const std::string& config_toml, const std::string& environment) {
  lock_file_.remove = false;
  clean();
  log_to_file(dir() / "run.log");
  if (!sync_where_possible(dir(), ErrorCode::config))
    log_info("the file system of {} cannot sync folders: after a power cut the last checkpoint may be missing",
             dir().string());
  write_file_atomic(dir() / "env.json", environment, ErrorCode::config);
  write_file_atomic(dir() / "config.resolved.toml", config_toml, ErrorCode::config);
}

}  // namespace espalier
