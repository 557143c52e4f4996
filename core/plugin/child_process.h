// Waiting for a child that may crash, hang or leave others behind, while reading what it writes to a pipe.
#pragma once

#include <sys/types.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace espalier::plugin {

// Both ends close on exec; reading does not block. Throws Error(internal).
class Pipe {
 public:
  Pipe();
  ~Pipe();
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  int read_end() const { return ends_[0]; }
  int write_end() const { return ends_[1]; }
  void close_write();

 private:
  std::array<int, 2> ends_{-1, -1};
};

// Starts `exe` with these arguments in a process group of its own, with a clean signal mask, every signal at its
// default and the given files: pairs of our descriptor and the child's. 0 when it cannot be started.
pid_t spawn(const std::filesystem::path& exe, const std::vector<std::string>& arguments,
            const std::vector<std::pair<int, int>>& files);
// "crashed: signal 11 (SIGSEGV)", "ended the process with exit code 3".
std::string describe_end(int wait_status);

// How a child ended.
struct ChildEnd {
  bool timed_out = false;
  int status = 0;      // of waitpid()
  std::string output;  // what it wrote to the pipe

  bool well() const { return !timed_out && status == 0; }
  std::string describe() const { return describe_end(status); }
};

// Reads until the child has ended or the deadline has passed, then kills its process group, which must bear its number,
// and reaps it. Closes our copy of the write end first.
ChildEnd wait_for_child(pid_t child, Pipe& pipe, std::chrono::steady_clock::time_point deadline);

// False when the other end is gone.
bool write_all(int fd, std::string_view text);

}  // namespace espalier::plugin
