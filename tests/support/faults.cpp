#include "support/faults.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <string>
#include <vector>

namespace espalier {
namespace {

struct Rule {
  const Fault* owner;
  std::string name;
  int error, left;
  Fault::On on;
  int skip, met = 0;
};

std::vector<Rule>& rules() {
  static std::vector<Rule> all;
  return all;
}

// The rule that meets this call, counted.
const Rule* rule_for(const char* name, int fd) {
  struct stat info {};
  for (Rule& rule : rules()) {
    if (rule.name != name || rule.left == 0) continue;
    if (rule.on == Fault::On::folders && (::fstat(fd, &info) != 0 || !S_ISDIR(info.st_mode))) continue;
    if (rule.skip > 0) {
      --rule.skip;
      continue;
    }
    if (rule.left > 0) --rule.left;
    ++rule.met;
    return &rule;
  }
  return nullptr;
}

bool fails(const char* name, int fd = -1) {
  const Rule* rule = rule_for(name, fd);
  if (rule == nullptr) return false;
  errno = rule->error;
  return true;
}

}  // namespace

Fault::Fault(const char* name, int error, int count, On on, int skip) {
  rules().push_back({this, name, error, count, on, skip});
}

Fault::~Fault() {
  std::erase_if(rules(), [this](const Rule& rule) { return rule.owner == this; });
}

int Fault::met() const {
  const auto own = [this](const Rule& rule) { return rule.owner == this; };
  return std::find_if(rules().begin(), rules().end(), own)->met;
}

}  // namespace espalier

using espalier::fails;

extern "C" {

int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const mode_t mode = (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(more, mode_t) : 0;
  va_end(more);
  if ((flags & O_ACCMODE) != O_RDONLY && fails("open")) return -1;
  return static_cast<int>(::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}

ssize_t read(int fd, void* to, size_t size) {
  if (fails("read", fd)) return -1;
  return ::syscall(SYS_read, fd, to, size);
}

ssize_t write(int fd, const void* from, size_t size) {
  if (const auto* rule = espalier::rule_for("write", fd)) {
    if (rule->error == 0) return ::syscall(SYS_write, fd, from, std::min<size_t>(size, 1));
    errno = rule->error;
    return -1;
  }
  return ::syscall(SYS_write, fd, from, size);
}

int fsync(int fd) {
  if (fails("fsync", fd)) return -1;
  return static_cast<int>(::syscall(SYS_fsync, fd));
}

int flock(int fd, int operation) noexcept {
  if (fails("flock", fd)) return -1;
  return static_cast<int>(::syscall(SYS_flock, fd, operation));
}

int fcntl(int fd, int command, ...) {
  va_list more;
  va_start(more, command);
  void* argument = va_arg(more, void*);
  va_end(more);
  if ((command == F_OFD_SETLK || command == F_OFD_SETLKW) && fails("fcntl", fd)) return -1;
  return static_cast<int>(::syscall(SYS_fcntl, fd, command, argument));
}

void* mmap(void* at, size_t size, int protection, int flags, int fd, off_t offset) noexcept {
  if (fd >= 0 && fails("mmap", fd)) return MAP_FAILED;
  return reinterpret_cast<void*>(::syscall(SYS_mmap, at, size, protection, flags, fd, offset));
}

int rename(const char* from, const char* to) noexcept {
  if (fails("rename")) return -1;
  return static_cast<int>(::syscall(SYS_rename, from, to));
}

int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  if (fails("renameat2")) return -1;
  return static_cast<int>(::syscall(SYS_renameat2, from_folder, from, to_folder, to, flags));
}

}  // extern "C"
