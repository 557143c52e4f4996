// The system calls of this program that change what is below one folder: written down, counted, and made to fail.
// interposed.cpp hands them over.
#pragma once

#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>

#include "support/disk_journal.h"

namespace espalier {

// The n-th call (from 0) fails, or all from it on. ENOSPC is given only to calls that need room, and a write then first
// writes the half; EINTR only to calls that wait.
struct DiskFailure {
  size_t nth = 0;
  int error = 0;
  bool from_then_on = false;
};

// Whether fsync(2) does nothing, anywhere: tests that cut the power themselves need not wait for a disk.
extern std::atomic<bool> syncs_are_skipped;

class DiskRecording {
 public:
  // Begins at once; one at a time. Nothing below `folder` may be open for writing. A sync is written down, not done.
  explicit DiskRecording(const std::filesystem::path& folder, std::optional<DiskFailure> failure = {});
  ~DiskRecording();
  DiskRecording(const DiskRecording&) = delete;
  DiskRecording& operator=(const DiskRecording&) = delete;
  static DiskRecording* current();

  const DiskJournal& journal() const { return journal_; }
  size_t calls() const { return calls_; }                          // those that failed included
  const std::string& failed_call() const { return failed_call_; }  // the first one; empty: none

  // The calls, each with the one that does it; outside of the folder that is all.
  using Real = std::function<long()>;
  using RealWrite = std::function<long(size_t size)>;
  long open(int folder, const char* path, int flags, const Real& real);
  long write(int fd, const char* bytes, size_t size, std::optional<off_t> at, const RealWrite& real);
  long resize(int fd, off_t size, const Real& real);
  long sync(int fd, const Real& real);
  long make_folder(int folder, const char* path, const Real& real);
  long remove(int folder, const char* path, const Real& real);
  long rename(int from_folder, const char* from, int to_folder, const char* to, unsigned flags, const Real& real);
  long link(int from_folder, const char* from, int to_folder, const char* to, const Real& real);

 private:
  enum class Needs { nothing = 0, room = 1, waiting = 2, both = 3 };
  struct Place {
    DiskNode folder;
    std::string name;
  };
  void add_folder(const std::filesystem::path& path, DiskNode node);
  DiskNode add_node(bool folder, ino_t inode, std::string content);
  DiskNode node_of(const struct stat& info) const;
  DiskNode node_of(int fd) const;
  DiskNode node_at(int folder, const char* path) const;
  std::optional<Place> place_of(int folder, const char* path) const;
  void forget(int folder, const char* path);
  bool fails(const std::string& text, Needs needs);
  void note(DiskCall call) { journal_.calls.push_back(std::move(call)); }

  DiskJournal journal_;
  std::map<ino_t, DiskNode> nodes_;  // of what has a name now
  dev_t device_ = 0;
  std::optional<DiskFailure> failure_;
  size_t calls_ = 0;
  bool half_written_ = false;
  std::string failed_call_;
  std::mutex mutex_;
};

}  // namespace espalier
