// System calls that fail on demand. A test program that links interposed.cpp makes them itself instead of the C
// library, for itself and for every library that it loads; without a Fault they are what they always are.
#pragma once

namespace espalier {

class Fault {
 public:
  enum class On { all, folders };

  // While it lives, calls of `name` fail with errno = `error`: open (for writing only), read, write, fsync, flock,
  // fcntl (its locks only), mmap (of files only), rename, renameat2. `count` calls after the first `skip`; -1: all of
  // them. For write, error 0 writes one byte.
  Fault(const char* name, int error, int count = -1, On on = On::all, int skip = 0);
  ~Fault();
  Fault(const Fault&) = delete;
  Fault& operator=(const Fault&) = delete;
  // How many calls it met.
  int met() const;
};

// For interposed.cpp: the one that meets this call, which is counted; null when none does.
struct FaultRule {
  int error;
};
const FaultRule* fault_for(const char* name, int fd = -1);

}  // namespace espalier
