// Files as the run needs them: whole reads, durable atomic writes, read-only maps, a lock per folder.
// Every failure is an Error with the path as its place; `code` says whose failure it is (data, checkpoint, config).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "core/base/error.h"

namespace espalier {

namespace fs = std::filesystem;

std::string read_file(const fs::path& path, ErrorCode code);
// Writes to a temporary neighbour, fsyncs and renames: the file is the old one or the whole new one, never half.
void write_file_atomic(const fs::path& path, std::string_view bytes, ErrorCode code);
// Plain write with fsync (used inside folders that are themselves renamed into place).
void write_file(const fs::path& path, std::string_view bytes, ErrorCode code);
void fsync_path(const fs::path& path, ErrorCode code);
// Those that are not there yet; they are after a power cut.
void make_dirs(const fs::path& path, ErrorCode code);
// SHA-256 of a file or of bytes, as 64 hexadecimal digits.
std::string sha256_file(const fs::path& path, ErrorCode code);
std::string sha256_bytes(std::string_view bytes);

// A file that is written piece by piece. Every byte is written, or an Error tells why not; nothing is held back.
class FileWriter {
 public:
  enum class Begin { empty, at_end };
  // Makes the file where there is none.
  FileWriter(fs::path path, ErrorCode code, Begin begin = Begin::empty);
  ~FileWriter();
  FileWriter(const FileWriter&) = delete;
  FileWriter& operator=(const FileWriter&) = delete;

  void write(std::string_view bytes);
  // Over what is there already.
  void write_at(uint64_t at, std::string_view bytes);
  void sync();

 private:
  fs::path path_;
  ErrorCode code_;
  int fd_ = -1;
};

// A read-only memory map; empty files map to an empty span. Movable, unmapped on destruction.
class MappedFile {
 public:
  MappedFile(const fs::path& path, ErrorCode code);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();
  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(data_), size_}; }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

// Exclusive lock of a folder (flock on <dir>/.lock): a second process gets Error(config) naming the folder.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& dir);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace espalier
