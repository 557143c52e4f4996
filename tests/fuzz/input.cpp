#include "fuzz/input.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace espalier::fuzz {
namespace {

namespace fs = std::filesystem;
constexpr std::string_view kCut = "\n%%\n";

class Folder {
 public:
  Folder() {
    const bool in_memory = ::access("/dev/shm", W_OK) == 0;
    std::string name = (in_memory ? fs::path("/dev/shm") : fs::temp_directory_path()) / "espalier-fuzz-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    if (::getpid() == owner_) fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
  const pid_t owner_ = ::getpid();
};

}  // namespace

std::vector<std::string_view> parts_of(std::string_view input, size_t count) {
  std::vector<std::string_view> parts(count);
  for (size_t i = 0; i + 1 < count; ++i) {
    const size_t cut = input.find(kCut);
    parts[i] = input.substr(0, cut);
    input = cut == std::string_view::npos ? std::string_view() : input.substr(cut + kCut.size());
  }
  parts.back() = input;
  return parts;
}

const fs::path& scratch() {
  static const Folder folder;
  return folder.path();
}

fs::path put(std::string_view name, std::string_view bytes) {
  const fs::path path = scratch() / name;
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  require(fd >= 0, "the scratch folder can be written");
  while (!bytes.empty()) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    require(n > 0, "the scratch folder has room");
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  ::close(fd);
  return path;
}

void check_refusal(const Error& error) {
  require(!error.message().empty(), "an error says what is wrong");
  if (error.code() == ErrorCode::internal) std::fprintf(stderr, "internal error: %s\n", error.what());
  require(error.code() != ErrorCode::internal, "damaged input is not an internal error");
}

void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "does not hold: %s\n", what);
  std::abort();
}

}  // namespace espalier::fuzz
