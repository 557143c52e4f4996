// Lines of a text file, decompressed and checked to be UTF-8.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "core/base/error.h"
#include "core/data/text/byte_reader.h"
#include "core/data/text/document_reader.h"

namespace espalier {

class LineReader {
 public:
  LineReader(const std::filesystem::path& path, const DocumentOptions& options);

  // The next line with its newline; a byte order mark at the start of the file is dropped. False at the end. Throws
  // Error(data) for a line above max_bytes and for bytes that are not UTF-8, unless they are to be replaced or skipped.
  bool next(std::string& line);
  // Whether the last line was not UTF-8; it was repaired when that is asked for.
  bool invalid() const { return invalid_; }
  // Goes on after that many lines, without looking at them.
  void skip_to(uint64_t line);

  uint64_t number() const { return number_; }  // of the last line, from 1
  std::string place() const;                   // path:line
  // The error for the last line, which is not UTF-8.
  Error not_utf8(const std::string& line) const;
  uint64_t bytes_read() const { return bytes_->bytes_read(); }

 private:
  bool fill();

  std::string path_;
  InvalidUtf8 policy_;
  uint64_t max_bytes_;
  std::unique_ptr<ByteReader> bytes_;
  std::string buffer_;
  size_t begin_ = 0, end_ = 0;
  uint64_t number_ = 0;
  bool invalid_ = false;
};

}  // namespace espalier
