#include "core/base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>
#include <vector>

#include "core/base/file_lock.h"
#include "core/base/log.h"
#include "core/base/mapped_guard.h"
#include "core/base/open_file.h"
#include "core/base/system_call.h"

namespace espalier {
namespace {

[[noreturn]] void fail(ErrorCode code, const std::string& what, const fs::path& path) {
  const int error = errno;
  std::string hint;
  if (error == ENOSPC || error == EDQUOT)
    hint = "free some disk space and run again; nothing already saved was touched";
  if (error == EFBIG) hint = "raise the limit on the size of files (ulimit -f); nothing already saved was touched";
  if (read_only(error))
    hint = code == ErrorCode::data ? "the folder must be writable; choose another with data.cache_dir"
                                   : "the folder must be writable; choose another with --run-dir";
  throw Error(code, what + ": " + std::strerror(error), path.string(), hint);
}

// The same for what is only read: the hint is another.
[[noreturn]] void fail_to_read(ErrorCode code, const std::string& what, const fs::path& path) {
  const int error = errno;
  throw Error(code, what + ": " + std::strerror(error), path.string(),
              error == EACCES || error == EPERM ? "it must be readable for the user who runs this" : "");
}

struct Fd {
  explicit Fd(int value) : fd(value) {}
  ~Fd() {
    if (fd >= 0) ::close(fd);
  }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  int fd;
};

const char* kind_of(mode_t mode) {
  if (S_ISDIR(mode)) return "a folder";
  if (S_ISFIFO(mode)) return "a pipe";
  if (S_ISSOCK(mode)) return "a socket";
  return "a device";
}

int open_file(const fs::path& path, int flags) {
  return uninterrupted([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0644); });
}

// False where there is no such operation (fsync(2): EINVAL, EROFS). What a disk reports (EIO, ENOSPC, EDQUOT) is
// thrown.
bool sync(int fd, const fs::path& path, ErrorCode code) {
  if (uninterrupted([&] { return ::fsync(fd); }) == 0) return true;
  if (!not_supported(errno) && errno != EROFS && errno != EBADF) fail(code, "cannot sync", path);
  return false;
}

using DigestContext = std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)>;

DigestContext start_digest() {
  DigestContext context(EVP_MD_CTX_new(), &EVP_MD_CTX_free);
  EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr);
  return context;
}

std::string finish_digest(EVP_MD_CTX* context) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_DigestFinal_ex(context, digest, &size);
  std::string hex;
  for (unsigned int i = 0; i < size; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[digest[i] >> 4];
    hex += kDigits[digest[i] & 15];
  }
  return hex;
}

}  // namespace

int open_regular(const fs::path& path, ErrorCode code) {
  // Without O_NONBLOCK, opening a FIFO waits for a writer; regular files do not know the flag.
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  struct stat info {};
  if (fd < 0 && errno == ENXIO) throw Error(code, "is a socket or a device, not a file", path.string());
  if (fd < 0) fail(code, "cannot open", path);
  if (::fstat(fd, &info) != 0) {
    const int error = errno;
    ::close(fd);
    errno = error;
    fail(code, "cannot stat", path);
  }
  if (S_ISREG(info.st_mode)) return fd;
  ::close(fd);
  throw Error(code, fmt::format("is {}, not a file", kind_of(info.st_mode)), path.string(),
              S_ISDIR(info.st_mode) ? "" : "write what it gives into a file, and name that");
}

// Reads instead of mapping: a file that becomes shorter meanwhile gives what is left of it, not a signal.
std::string read_file(const fs::path& path, ErrorCode code) {
  const Fd file(open_regular(path, code));
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) fail(code, "cannot stat", path);
  std::string bytes;
  size_t size = 0;
  for (auto expected = static_cast<size_t>(info.st_size);;) {
    if (size == bytes.size()) bytes.resize(size == 0 ? expected + 1 : size + size / 2);
    const ssize_t n = ::read(file.fd, bytes.data() + size, bytes.size() - size);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(code, "cannot read", path);
    if (n == 0) break;
    size += static_cast<size_t>(n);
  }
  bytes.resize(size);
  return bytes;
}

bool path_exists(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

uint64_t file_bytes(const fs::path& path, ErrorCode code) {
  const Fd file(open_regular(path, code));
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) fail(code, "cannot stat", path);
  return static_cast<uint64_t>(info.st_size);
}

FileWriter::FileWriter(fs::path path, ErrorCode code, Begin begin)
    : path_(std::move(path)),
      code_(code),
      fd_(open_file(path_, O_WRONLY | O_CREAT | (begin == Begin::empty ? O_TRUNC : O_APPEND))) {
  if (fd_ < 0) fail(code_, "cannot create", path_);
}

FileWriter::~FileWriter() {
  ::close(fd_);
}

void FileWriter::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = uninterrupted([&] { return ::write(fd_, bytes.data(), bytes.size()); });
    if (n < 0) fail(code_, "cannot write", path_);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
}

void FileWriter::write_at(uint64_t at, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = uninterrupted([&] { return ::pwrite(fd_, bytes.data(), bytes.size(), static_cast<off_t>(at)); });
    if (n < 0) fail(code_, "cannot write", path_);
    bytes.remove_prefix(static_cast<size_t>(n));
    at += static_cast<uint64_t>(n);
  }
}

void FileWriter::sync() {
  espalier::sync(fd_, path_, code_);
}

void write_file(const fs::path& path, std::string_view bytes, ErrorCode code) {
  FileWriter file(path, code);
  file.write(bytes);
  file.sync();
}

void write_file_atomic(const fs::path& path, std::string_view bytes, ErrorCode code) {
  fs::path temporary = path;
  temporary += ".tmp";
  try {
    write_file(temporary, bytes, code);
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail(code, "cannot rename into place", path);
  } catch (const Error&) {
    ::unlink(temporary.c_str());
    throw;
  }
  fsync_path(path.has_parent_path() ? path.parent_path() : fs::path("."), code);
}

void fsync_path(const fs::path& path, ErrorCode code) {
  sync_where_possible(path, code);
}

bool sync_where_possible(const fs::path& path, ErrorCode code) {
  const Fd file(open_file(path, O_RDONLY));
  std::error_code ignored;
  if (file.fd < 0 && errno == EACCES && fs::is_directory(path, ignored)) return false;  // may be entered, not listed
  if (file.fd < 0) fail(code, "cannot open", path);
  return sync(file.fd, path, code);
}

void make_dirs(const fs::path& path, ErrorCode code) {
  std::vector<fs::path> changed;  // a new folder is a name in the one above it
  for (fs::path at = path; !at.empty() && !path_exists(at); at = at.parent_path())
    changed.push_back(at.has_parent_path() ? at.parent_path() : fs::path("."));
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    errno = error.value();
    fail(code, "cannot create the folder", path);
  }
  for (const auto& folder : changed) fsync_path(folder, code);
}

// Reads instead of mapping: the pages of a map would count as memory of the process, and a corpus may be large.
std::string sha256_file(const fs::path& path, ErrorCode code) {
  const Fd file(open_regular(path, code));
  const DigestContext context = start_digest();
  std::string buffer(size_t{1} << 20, '\0');
  for (;;) {
    const ssize_t n = uninterrupted([&] { return ::read(file.fd, buffer.data(), buffer.size()); });
    if (n < 0) fail_to_read(code, "cannot read", path);
    if (n == 0) return finish_digest(context.get());
    EVP_DigestUpdate(context.get(), buffer.data(), static_cast<size_t>(n));
  }
}

std::string sha256_bytes(std::string_view bytes) {
  const DigestContext context = start_digest();
  EVP_DigestUpdate(context.get(), bytes.data(), bytes.size());
  return finish_digest(context.get());
}

namespace {

// Memory that is let go like a map. The file may be shorter than it was: what is missing is zero.
void* read_whole(int fd, size_t size, const fs::path& path, ErrorCode code) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail(code, "cannot map", path);
  for (size_t done = 0; done < size;) {
    auto* to = static_cast<char*>(memory) + done;
    const ssize_t n = uninterrupted([&] { return ::read(fd, to, size - done); });
    if (n == 0) break;
    if (n < 0) {
      const int error = errno;
      ::munmap(memory, size);
      errno = error;
      fail(code, "cannot read", path);
    }
    done += static_cast<size_t>(n);
  }
  return memory;
}

}  // namespace

MappedFile::MappedFile(const fs::path& path, ErrorCode code) {
  const Fd file(open_regular(path, code));
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) fail_to_read(code, "cannot stat", path);
  guard_maps();
  size_ = static_cast<size_t>(info.st_size);
  if (size_ == 0) return;
  data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (data_ != MAP_FAILED) return;
  data_ = nullptr;
  if (errno != ENODEV && !not_supported(errno)) fail_to_read(code, "cannot map", path);
  data_ = read_whole(file.fd, size_, path, code);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(data_, size_);
}

FolderLock::FolderLock(const fs::path& dir) {
  const fs::path path = dir / ".lock";
  constexpr int kTries = 100;
  for (int i = 0; i < kTries; ++i) {
    fd_ = open_file(path, O_RDWR | O_CREAT);
    if (fd_ < 0) fail(ErrorCode::config, "cannot open the lock file", path);
    const LockState state = lock_file(fd_, /*wait=*/false);
    if (state == LockState::unsupported)
      log_warning("the file system of {} has no locks: nothing keeps two processes from training there at once",
                  dir.string());
    // Whoever made the file may have removed it since it was opened here.
    if (state == LockState::unsupported || (state == LockState::held && is_same_file(fd_, path))) return;
    const int error = errno;
    ::close(std::exchange(fd_, -1));
    errno = error;
    if (state == LockState::failed) fail(ErrorCode::config, "cannot lock", path);
    if (state == LockState::held) continue;
    throw Error(ErrorCode::config, "another espalier process is using this run folder", dir.string(),
                "wait for it, or give this run its own folder with --run-dir");
  }
  throw Error(ErrorCode::config, "the lock file is removed as often as it is made", path.string());
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace espalier
