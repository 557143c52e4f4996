#include "core/checkpoint/model_files/folders.h"

#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>

#include "core/base/json.h"
#include "core/base/log.h"
#include "core/base/system_call.h"

namespace espalier {
namespace {

using nlohmann::json;

constexpr auto kCode = ErrorCode::checkpoint;
constexpr std::string_view kTemporary = ".tmp", kReplaced = ".replaced";

bool is_real_folder(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() == fs::file_type::directory;
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() != fs::file_type::not_found;
}

std::vector<fs::path> entries_of(const fs::path& folder) {
  std::vector<fs::path> out;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error))
    out.push_back(at->path());
  return out;
}

bool has_manifest_of(const fs::path& dir, int64_t step) {
  const fs::path path = dir / "espalier" / "manifest.json";
  std::error_code ignored;
  if (!is_real_folder(dir) || !fs::is_regular_file(path, ignored)) return false;
  try {
    const auto manifest = parse_json_object(read_file(path, kCode));
    if (!manifest || !manifest->contains("format") || !manifest->contains("step")) return false;
    return manifest->at("format") == "espalier-checkpoint" && manifest->at("step") == step;
  } catch (const Error&) {
    return false;
  }
}

// A name that only this program gives, and of its contents what is made first and removed last.
bool is_own_temporary(const fs::path& dir) {
  const bool named = dir.extension() == kTemporary || dir.extension() == kReplaced;
  if (!named || !step_of(dir.stem()) || !is_real_folder(dir)) return false;
  return is_real_folder(dir / "espalier") || entries_of(dir).empty();
}

// What cannot be removed stays, and is told. What the rest is known by goes when all else is gone, after a power cut,
// too.
void remove_contents(const fs::path& dir) {
  const fs::path own = dir / "espalier", manifest = own / "manifest.json";
  std::error_code error;
  std::string why;
  const auto remove = [&](const fs::path& path) {
    fs::remove_all(path, error);
    if (error && why.empty()) why = error.message();
  };
  for (const auto& path : entries_of(dir))
    if (path != own) remove(path);
  for (const auto& path : entries_of(own))
    if (path != manifest) remove(path);
  try {
    for (const auto& folder : {own, dir})
      if (why.empty() && is_real_folder(folder)) fsync_path(folder, kCode);
  } catch (const Error& failure) {
    why = failure.message();
  }
  if (why.empty()) remove(dir);
  if (!why.empty()) log_warning("{} cannot be removed: {}", dir.string(), why);
}

[[noreturn]] void cannot_rename(const fs::path& from, const fs::path& to) {
  throw Error(kCode, std::string("cannot rename into place: ") + std::strerror(errno), to.string(),
              fmt::format("what was to get this name is whole and lies in {}", from.string()));
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

void move_to(const fs::path& from, const fs::path& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) cannot_rename(from, to);
}

}  // namespace

std::string folder_name(int64_t step) {
  return fmt::format("step-{:08}", step);
}

std::optional<int64_t> step_of(const fs::path& dir) {
  constexpr std::string_view kPrefix = "step-";
  const std::string name = dir.filename().string();
  if (!name.starts_with(kPrefix)) return std::nullopt;
  int64_t step = 0;
  const auto read = std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), step);
  if (read.ec != std::errc() || step < 0 || folder_name(step) != name) return std::nullopt;
  return step;
}

std::vector<fs::path> checkpoint_dirs(const fs::path& checkpoints_dir) {
  std::vector<fs::path> out;
  std::error_code ignored;
  for (const auto& path : entries_of(checkpoints_dir))
    if (step_of(path) && fs::is_directory(path, ignored)) out.push_back(path);
  // By number: names stop sorting as text beyond eight digits.
  std::sort(out.begin(), out.end(), [](const fs::path& a, const fs::path& b) { return step_of(a) < step_of(b); });
  return out;
}

bool is_own(const fs::path& dir) {
  const auto step = step_of(dir);
  return step && has_manifest_of(dir, *step);
}

bool remove_own(const fs::path& dir) {
  fs::path unnamed;
  try {
    unnamed = fresh_temporary(dir);
    move_to(dir, unnamed);
    fsync_path(folder_of(dir), kCode);
  } catch (const Error& error) {
    log_warning("{} cannot be removed: {}", dir.string(), error.message());
    return false;
  }
  remove_contents(unnamed);
  return true;
}

fs::path set_aside(const fs::path& path) {
  fs::path other = path;
  other += ".aside";
  for (int i = 2; is_there(other); ++i) {
    other = path;
    other += fmt::format(".aside{}", i);
  }
  move_to(path, other);
  fsync_path(folder_of(path), kCode);
  log_warning("{} is in the way and no checkpoint of this program: it is now {}", path.string(),
              other.filename().string());
  return other;
}

fs::path fresh_temporary(const fs::path& final_dir) {
  fs::path temporary = final_dir;
  temporary += kTemporary;
  if (is_own_temporary(temporary)) remove_contents(temporary);
  if (is_there(temporary)) set_aside(temporary);
  return temporary;
}

void put_in_place(const fs::path& temporary, const fs::path& final_dir) {
  if (is_there(final_dir) && !is_own(final_dir)) set_aside(final_dir);
  // Where the step was saved before, the two change places in one operation: there is always a whole one. The old one
  // may go when the new one has the name for sure.
  const bool again = is_there(final_dir);
  const unsigned flags = again ? RENAME_EXCHANGE : RENAME_NOREPLACE;
  if (::renameat2(AT_FDCWD, temporary.c_str(), AT_FDCWD, final_dir.c_str(), flags) == 0) {
    fsync_path(folder_of(final_dir), kCode);
    if (again) remove_contents(temporary);
    return;
  }
  // The flags are not known to every file system; some sandboxes forbid the call (EPERM).
  if (!not_supported(errno) && errno != EPERM) cannot_rename(temporary, final_dir);
  fs::path replaced = final_dir;
  replaced += kReplaced;
  if (again) {
    if (is_own_temporary(replaced)) remove_contents(replaced);
    if (is_there(replaced)) set_aside(replaced);
    move_to(final_dir, replaced);
  }
  try {
    move_to(temporary, final_dir);
  } catch (const Error&) {
    if (again) move_to(replaced, final_dir);
    throw;
  }
  fsync_path(folder_of(final_dir), kCode);
  if (again) remove_contents(replaced);
}

void restore_replaced(const fs::path& checkpoints_dir) {
  for (const auto& path : entries_of(checkpoints_dir)) {
    if (path.extension() != kReplaced) continue;
    const fs::path name = path.parent_path() / path.stem();
    const auto step = step_of(name);
    if (step && !is_there(name) && has_manifest_of(path, *step)) move_to(path, name);
  }
}

void remove_leftovers(const fs::path& checkpoints_dir) {
  for (const auto& path : entries_of(checkpoints_dir)) {
    if (!is_own_temporary(path)) continue;
    // One that could still be restored is none.
    const fs::path name = path.parent_path() / path.stem();
    if (path.extension() == kReplaced && !is_there(name) && has_manifest_of(path, *step_of(name))) continue;
    remove_contents(path);
  }
  std::error_code ignored;
  const fs::path latest = checkpoints_dir / "LATEST.tmp";
  if (fs::symlink_status(latest, ignored).type() == fs::file_type::regular) fs::remove(latest, ignored);
}

}  // namespace espalier
