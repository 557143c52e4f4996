#include "support/disk_recording.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <utility>

namespace espalier {

namespace fs = std::filesystem;

namespace {

std::atomic<DiskRecording*> running = nullptr;

// A path in two: the folder that holds it, and its name there.
std::pair<std::string, std::string> split(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) path.pop_back();
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return {"", path};
  return {path.substr(0, slash + 1), path.substr(slash + 1)};
}

bool stat_at(int folder, const std::string& path, struct stat& info) {
  // "" is the folder itself, but not of AT_FDCWD on every kernel.
  return ::fstatat(folder, path.empty() && folder == AT_FDCWD ? "." : path.c_str(), &info,
                   AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) == 0;
}

}  // namespace

std::atomic<bool> syncs_are_skipped = false;

DiskRecording::DiskRecording(const fs::path& folder, std::optional<DiskFailure> failure) : failure_(failure) {
  struct stat info {};
  ::stat(folder.c_str(), &info);
  device_ = info.st_dev;
  add_folder(folder, add_node(true, info.st_ino, ""));
  running = this;
}

DiskRecording::~DiskRecording() {
  running = nullptr;
}

DiskRecording* DiskRecording::current() {
  return running;
}

void DiskRecording::add_folder(const fs::path& path, DiskNode node) {
  for (const auto& entry : fs::directory_iterator(path)) {
    struct stat info {};
    ::lstat(entry.path().c_str(), &info);
    std::string content;
    if (S_ISREG(info.st_mode)) {
      std::ifstream in(entry.path(), std::ios::binary);
      content.assign(std::istreambuf_iterator<char>(in), {});
    }
    const DiskNode added = add_node(S_ISDIR(info.st_mode), info.st_ino, std::move(content));
    journal_.names.push_back({node, entry.path().filename().string(), added});
    if (S_ISDIR(info.st_mode)) add_folder(entry.path(), added);
  }
}

DiskNode DiskRecording::add_node(bool folder, ino_t inode, std::string content) {
  const auto node = static_cast<DiskNode>(journal_.nodes.size());
  journal_.nodes.push_back({folder, std::move(content)});
  nodes_[inode] = node;
  return node;
}

DiskNode DiskRecording::node_of(const struct stat& info) const {
  const auto known = nodes_.find(info.st_ino);
  return info.st_dev != device_ || known == nodes_.end() ? kNoNode : known->second;
}

DiskNode DiskRecording::node_of(int fd) const {
  struct stat info {};
  return ::fstat(fd, &info) == 0 ? node_of(info) : kNoNode;
}

DiskNode DiskRecording::node_at(int folder, const char* path) const {
  struct stat info {};
  return stat_at(folder, path, info) ? node_of(info) : kNoNode;
}

std::optional<DiskRecording::Place> DiskRecording::place_of(int folder, const char* path) const {
  const auto [parent, name] = split(path);
  struct stat info {};
  // With the slash at its end a link is followed.
  if (!stat_at(folder, parent, info)) return std::nullopt;
  const DiskNode node = node_of(info);
  if (node == kNoNode) return std::nullopt;
  return Place{node, name};
}

// The system may give the number of what lost its last name to another file.
void DiskRecording::forget(int folder, const char* path) {
  struct stat info {};
  if (stat_at(folder, path, info) && (S_ISDIR(info.st_mode) || info.st_nlink == 1)) nodes_.erase(info.st_ino);
}

bool DiskRecording::fails(const std::string& text, Needs needs) {
  const size_t n = calls_++;
  if (!failure_) return false;
  const bool fits = (failure_->error != ENOSPC || (static_cast<int>(needs) & static_cast<int>(Needs::room)) != 0) &&
                    (failure_->error != EINTR || (static_cast<int>(needs) & static_cast<int>(Needs::waiting)) != 0);
  const bool due = failure_->from_then_on ? n >= failure_->nth : n == failure_->nth;
  if (!fits || !due) return false;
  if (failed_call_.empty()) failed_call_ = text;
  errno = failure_->error;
  return true;
}

long DiskRecording::open(int folder, const char* path, int flags, const Real& real) {
  const std::lock_guard lock(mutex_);
  const bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
  const auto place = writes ? place_of(folder, path) : std::nullopt;
  if (!place) return real();
  DiskCall call;
  call.text = "open " + place->name;
  call.node = node_at(folder, path);
  const bool is_new = call.node == kNoNode;
  if (fails(call.text, is_new ? Needs::both : Needs::waiting)) return -1;
  const long fd = real();
  if (fd < 0) return fd;
  if (is_new) {
    struct stat info {};
    ::fstat(static_cast<int>(fd), &info);
    call.kind = DiskCall::Kind::names;
    call.names = {{place->folder, place->name, add_node(false, info.st_ino, "")}};
  } else if ((flags & O_TRUNC) != 0) {
    call.kind = DiskCall::Kind::size;
  }
  note(std::move(call));
  return fd;
}

long DiskRecording::write(int fd, const char* bytes, size_t size, std::optional<off_t> at, const RealWrite& real) {
  const std::lock_guard lock(mutex_);
  DiskCall call;
  call.node = node_of(fd);
  if (call.node == kNoNode) return real(size);
  call.text = "write " + std::to_string(size) + " bytes";
  if (std::exchange(half_written_, false)) {
    errno = ENOSPC;
    return -1;
  }
  if (fails(call.text, Needs::both)) {
    if (errno != ENOSPC || size < 2) return -1;
    size /= 2;
    half_written_ = true;
  }
  struct stat info {};
  ::fstat(fd, &info);
  const bool appends = (::fcntl(fd, F_GETFL) & O_APPEND) != 0;
  call.at = static_cast<size_t>(appends ? info.st_size : at.value_or(::lseek(fd, 0, SEEK_CUR)));
  const long written = real(size);
  if (written <= 0) return written;
  call.kind = DiskCall::Kind::content;
  call.bytes.assign(bytes, static_cast<size_t>(written));
  note(std::move(call));
  return written;
}

long DiskRecording::resize(int fd, off_t size, const Real& real) {
  const std::lock_guard lock(mutex_);
  const DiskNode node = node_of(fd);
  if (node == kNoNode) return real();
  if (fails("ftruncate", Needs::waiting)) return -1;
  const long result = real();
  if (result == 0) note({DiskCall::Kind::size, "ftruncate", {}, node, static_cast<size_t>(size)});
  return result;
}

long DiskRecording::sync(int fd, const Real& real) {
  const std::lock_guard lock(mutex_);
  const DiskNode node = node_of(fd);
  if (node == kNoNode) return real();
  if (fails("fsync", Needs::both)) return -1;
  note({DiskCall::Kind::sync,
        journal_.nodes[static_cast<size_t>(node)].folder ? "fsync of a folder" : "fsync",
        {},
        node});
  return 0;
}

long DiskRecording::make_folder(int folder, const char* path, const Real& real) {
  const std::lock_guard lock(mutex_);
  const auto place = place_of(folder, path);
  if (!place) return real();
  const std::string text = "mkdir " + place->name;
  if (fails(text, Needs::room)) return -1;
  const long result = real();
  struct stat info {};
  if (result == 0 && stat_at(folder, path, info))
    note({DiskCall::Kind::names, text, {{place->folder, place->name, add_node(true, info.st_ino, "")}}});
  return result;
}

long DiskRecording::remove(int folder, const char* path, const Real& real) {
  const std::lock_guard lock(mutex_);
  const auto place = place_of(folder, path);
  if (!place) return real();
  const std::string text = "remove " + place->name;
  if (fails(text, Needs::nothing)) return -1;
  const auto before = nodes_;
  forget(folder, path);
  const long result = real();
  if (result == 0)
    note({DiskCall::Kind::names, text, {{place->folder, place->name, kNoNode}}});
  else
    nodes_ = before;
  return result;
}

long DiskRecording::rename(int from_folder, const char* from, int to_folder, const char* to, unsigned flags,
                           const Real& real) {
  const std::lock_guard lock(mutex_);
  const auto source = place_of(from_folder, from), target = place_of(to_folder, to);
  if (!source || !target) return real();
  const bool exchange = (flags & RENAME_EXCHANGE) != 0;
  const std::string text = (exchange ? "exchange " : "rename ") + source->name + " to " + target->name;
  if (fails(text, Needs::room)) return -1;
  const DiskNode moved = node_at(from_folder, from), met = node_at(to_folder, to);
  const auto before = nodes_;
  if (!exchange) forget(to_folder, to);
  const long result = real();
  if (result == 0)
    note({DiskCall::Kind::names,
          text,
          {{source->folder, source->name, exchange ? met : kNoNode}, {target->folder, target->name, moved}}});
  else
    nodes_ = before;
  return result;
}

long DiskRecording::link(int from_folder, const char* from, int to_folder, const char* to, const Real& real) {
  const std::lock_guard lock(mutex_);
  const auto target = place_of(to_folder, to);
  if (!target) return real();
  const std::string text = "link " + target->name;
  if (fails(text, Needs::room)) return -1;
  const long result = real();
  if (result == 0) note({DiskCall::Kind::names, text, {{target->folder, target->name, node_at(from_folder, from)}}});
  return result;
}

}  // namespace espalier
