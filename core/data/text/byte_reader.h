// A file as a stream of bytes, decompressed when its first bytes are those of gzip or zstd (the name does not matter).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>

namespace espalier {

class ByteReader {
 public:
  virtual ~ByteReader() = default;
  // Fills `out` as far as the stream goes; fewer bytes than asked, down to 0, only at the end. Throws Error(data) for a
  // damaged or truncated stream, with the byte of the file at which it shows.
  virtual size_t read(std::span<char> out) = 0;
  // Bytes of the file read so far, before decompression.
  virtual uint64_t bytes_read() const = 0;
};

// Throws Error(data) when the file is missing, a folder, unreadable or empty.
std::unique_ptr<ByteReader> open_bytes(const std::filesystem::path& path);

}  // namespace espalier
