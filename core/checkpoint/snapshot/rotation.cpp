#include "core/checkpoint/snapshot/rotation.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/base/log.h"
#include "core/checkpoint/model_files/folders.h"
#include "core/checkpoint/snapshot/checkpoint.h"
#include "core/data/text/file_hashes.h"

namespace espalier {
namespace {

// Everything about the files of a folder that changes with their contents, short of the contents.
std::string stamp_of(const fs::path& dir) {
  std::vector<std::string> parts;
  std::error_code error;
  for (fs::recursive_directory_iterator at(dir, error), end; !error && at != end; at.increment(error))
    parts.push_back(fmt::format("{} {}\n", at->path().string(), file_stamp(at->path())));
  std::sort(parts.begin(), parts.end());
  std::string stamp;
  for (const auto& part : parts) stamp += part;
  return stamp;
}

}  // namespace

void VerifiedCheckpoints::add(const fs::path& dir) {
  known_[dir] = {stamp_of(dir), true};
}

bool VerifiedCheckpoints::is_valid(const fs::path& dir) {
  std::string stamp = stamp_of(dir);
  if (const auto known = known_.find(dir); known != known_.end() && known->second.stamp == stamp)
    return known->second.valid;
  Known& known = known_[dir] = {std::move(stamp), true};
  try {
    verify_checkpoint(dir);
  } catch (const Error& error) {
    known.valid = false;
    log_warning("a damaged checkpoint does not count towards checkpoint.keep_latest: {}: {}", error.place(),
                error.message());
  }
  return known.valid;
}

void rotate_checkpoints(const fs::path& saved, int64_t keep_latest, std::optional<int64_t> keep_step,
                        VerifiedCheckpoints& verified) {
  verified.add(saved);
  std::vector<fs::path> older = checkpoint_dirs(saved.parent_path());
  std::erase_if(older, [&](const fs::path& dir) { return step_of(dir) >= step_of(saved); });
  // Verifying reads whole files: not where there are too few for any to go.
  if (keep_latest <= 0 || older.size() < static_cast<size_t>(keep_latest)) return;
  int64_t kept = 1;
  for (auto dir = older.rbegin(); dir != older.rend(); ++dir) {
    if (kept < keep_latest)
      kept += verified.is_valid(*dir) ? 1 : 0;
    else if (step_of(*dir) != keep_step && is_own(*dir))
      remove_own(*dir);
  }
}

}  // namespace espalier
