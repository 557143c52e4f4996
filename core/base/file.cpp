#include "core/base/file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

namespace espalier {
namespace {

[[noreturn]] void fail(ErrorCode code, const std::string& what, const fs::path& path) {
  const int error = errno;
  std::string hint;
  if (error == ENOSPC || error == EDQUOT)
    hint = "free some disk space and run again; nothing already saved was touched";
  if (error == EACCES || error == EROFS || error == EPERM)
    hint = "the folder must be writable; choose another with --run-dir";
  throw Error(code, what + ": " + std::strerror(error), path.string(), hint);
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

std::string read_file(const fs::path& path, ErrorCode code) {
  const MappedFile map(path, code);
  const auto bytes = map.bytes();
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void write_file(const fs::path& path, std::string_view bytes, ErrorCode code) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.fd < 0) fail(code, "cannot create", path);
  while (!bytes.empty()) {
    const ssize_t n = ::write(file.fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail(code, "cannot write", path);
    bytes.remove_prefix(static_cast<size_t>(n));
  }
  if (::fsync(file.fd) != 0) fail(code, "cannot sync", path);
}

void write_file_atomic(const fs::path& path, std::string_view bytes, ErrorCode code) {
  fs::path temporary = path;
  temporary += ".tmp";
  write_file(temporary, bytes, code);
  if (::rename(temporary.c_str(), path.c_str()) != 0) fail(code, "cannot rename into place", path);
  fsync_path(path.has_parent_path() ? path.parent_path() : fs::path("."), code);
}

void fsync_path(const fs::path& path, ErrorCode code) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd < 0) fail(code, "cannot open", path);
  if (::fsync(file.fd) != 0) fail(code, "cannot sync", path);
}

void make_dirs(const fs::path& path, ErrorCode code) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) {
    errno = error.value();
    fail(code, "cannot create the folder", path);
  }
}

// Reads instead of mapping: the pages of a map would count as memory of the process, and a corpus may be large.
std::string sha256_file(const fs::path& path, ErrorCode code) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd < 0) fail(code, "cannot open", path);
  const DigestContext context = start_digest();
  std::string buffer(size_t{1} << 20, '\0');
  for (;;) {
    const ssize_t n = ::read(file.fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EISDIR) throw Error(code, "is a folder, not a file", path.string());
    if (n < 0) fail(code, "cannot read", path);
    if (n == 0) return finish_digest(context.get());
    EVP_DigestUpdate(context.get(), buffer.data(), static_cast<size_t>(n));
  }
}

std::string sha256_bytes(std::string_view bytes) {
  const DigestContext context = start_digest();
  EVP_DigestUpdate(context.get(), bytes.data(), bytes.size());
  return finish_digest(context.get());
}

MappedFile::MappedFile(const fs::path& path, ErrorCode code) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd < 0) fail(code, "cannot open", path);
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) fail(code, "cannot stat", path);
  if (S_ISDIR(info.st_mode)) throw Error(code, "is a folder, not a file", path.string());
  size_ = static_cast<size_t>(info.st_size);
  if (size_ == 0) return;
  data_ = ::mmap(nullptr, size_, PROT_READ, MAP_PRIVATE, file.fd, 0);
  if (data_ == MAP_FAILED) {
    data_ = nullptr;
    fail(code, "cannot map", path);
  }
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
  fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) fail(ErrorCode::config, "cannot open the lock file", path);
  if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
    ::close(fd_);
    throw Error(ErrorCode::config, "another espalier process is using this run folder", dir.string(),
                "wait for it, or give this run its own folder with --run-dir");
  }
}

FolderLock::~FolderLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace espalier
