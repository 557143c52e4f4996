#include "core/plugin/library_image.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/plugin/child_process.h"
#include "core/plugin/elf_file.h"

namespace espalier::plugin {
namespace {

constexpr int64_t kMaxLibrary = int64_t{1} << 31;
constexpr const char* kHint = "it must be a shared library for this system with all its symbols resolved";

struct Descriptor {
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  int fd;
};

void* open_for_good(const std::string& name) {
  return ::dlopen(name.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
}

// What the loader said, with the file's own name where it is loaded under another.
std::string reason(const std::string& loaded_as, const std::string& path) {
  const char* said = ::dlerror();
  std::string text = said == nullptr ? "no reason is given" : said;
  for (size_t at = text.find(loaded_as); at != std::string::npos; at = text.find(loaded_as, at + path.size()))
    text.replace(at, loaded_as.size(), path);
  return text;
}

// The file in memory, complete and unchangeable; -1 where the system has none.
int sealed_copy(const LibraryImage& image) {
  constexpr size_t kMaxName = 200;
  const int fd =
      ::memfd_create(image.path.filename().string().substr(0, kMaxName).c_str(), MFD_CLOEXEC | MFD_ALLOW_SEALING);
  if (fd < 0) return -1;
  if (write_all(fd, image.bytes) &&
      ::fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == 0)
    return fd;
  ::close(fd);
  return -1;
}

std::string demangled(const std::string& symbol) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(abi::__cxa_demangle(symbol.c_str(), nullptr, nullptr, &status),
                                                         &std::free);
  return status == 0 ? text.get() : symbol;
}

LoadedLibrary load_in_place(const LibraryImage& image, const ElfFile& file, const char* why) {
  const std::string path = image.path.string();
  if (!file.uniques.empty())
    throw Error(ErrorCode::plugin,
                fmt::format("shares {} with every other library that defines it, which the host can only prevent in a "
                            "copy, and {}",
                            demangled(file.uniques.front().name), why),
                path, "build it with -fno-gnu-unique, or with -fvisibility=hidden for what is its own");
  LoadedLibrary out{open_for_good(path), path};
  if (out.handle == nullptr) throw Error(ErrorCode::plugin, "cannot be loaded: " + reason(path, path), path, kHint);
  if (sha256_file(image.path, ErrorCode::plugin) != image.sha256)
    throw Error(ErrorCode::plugin, "the file changed while it was loaded", path, "run again");
  log_warning("{} is used where it lies, since {}: writing over it ends the run", path, why);
  return out;
}

}  // namespace

LibraryImage LibraryImage::read(const std::filesystem::path& path) {
  LibraryImage out;
  out.path = std::filesystem::absolute(path);
  const auto fail = [&](const std::string& why) { throw Error(ErrorCode::plugin, why, path.string()); };
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};  // a FIFO must not make us wait
  struct stat info {};
  if (file.fd < 0 || ::fstat(file.fd, &info) != 0) fail(fmt::format("cannot open: {}", std::strerror(errno)));
  if (!S_ISREG(info.st_mode)) fail(S_ISDIR(info.st_mode) ? "is a folder, not a file" : "is no regular file");
  if (info.st_size > kMaxLibrary) fail(fmt::format("has {} bytes, too many for a plugin", info.st_size));
  out.bytes.resize(static_cast<size_t>(info.st_size));
  size_t got = 0;
  while (got < out.bytes.size()) {
    const ssize_t n = ::read(file.fd, out.bytes.data() + got, out.bytes.size() - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(fmt::format("cannot read: {}", std::strerror(errno)));
    if (n == 0) break;  // cut off meanwhile
    got += static_cast<size_t>(n);
  }
  out.bytes.resize(got);
  out.sha256 = sha256_bytes(out.bytes);
  return out;
}

LoadedLibrary load(LibraryImage image) {
  const std::string path = image.path.string();
  const ElfFile file = read_elf(image.bytes, path);
  if (file.uses_origin) return load_in_place(image, file, "it looks for other libraries beside itself ($ORIGIN)");
  isolate(file, image.bytes);
  const int fd = sealed_copy(image);
  if (fd < 0) return load_in_place(image, file, "this system has no memory files");
  // The loader takes two libraries of one name for the same one, so the descriptor is never closed: its number, and
  // with it this name, is not given twice. With the process in it a debugger can open it too.
  LoadedLibrary out{nullptr, fmt::format("/proc/{}/fd/{}", ::getpid(), fd)};
  out.handle = open_for_good(out.name);
  if (out.handle != nullptr) return out;
  const std::string why = reason(out.name, path);
  ::close(fd);
  if (why.find("failed to map segment") != std::string::npos)
    return load_in_place(image, file, "this system runs no code from memory files");
  throw Error(ErrorCode::plugin, "cannot be loaded: " + why, path, kHint);
}

}  // namespace espalier::plugin
