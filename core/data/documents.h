// Text files as documents, one at a time, so that a file need not fit into memory.
//
// .jsonl, .ndjson and .json (one JSON object a line; blank lines are skipped): the text is the value of `text_field`.
// Any other name: plain text, the whole file is one document; lines that hold only <|endoftext|> cut it into several.
// A suffix .gz or .zst is dropped before the name is looked at; whether a file is compressed is decided by its first
// bytes. NUL characters are text like any other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace espalier {

// What happens to a document with bytes that are not UTF-8, or with a JSON escape of half a surrogate pair.
enum class InvalidUtf8 {
  error,    // Error(data) naming line and byte
  replace,  // U+FFFD in its place, see replace_invalid_utf8
  skip,     // the document is left out and counted
};

struct DocumentOptions {
  std::string text_field = "text";
  // Keys of the labels in a JSON line; empty: none.
  std::string language_field, license_field, label_field;
  InvalidUtf8 invalid_utf8 = InvalidUtf8::error;
  // A JSON line or a plain text document with more bytes is an error.
  uint64_t max_bytes = uint64_t{1} << 30;
};

// Values of the label fields; empty where a document has none or one that is not a string.
struct DocumentLabels {
  std::string language{}, license{}, label{};
  friend bool operator==(const DocumentLabels&, const DocumentLabels&) = default;
};

// Documents that did not pass as they are.
struct ReadCounts {
  uint64_t empty = 0;     // left out: no text
  uint64_t invalid = 0;   // left out: InvalidUtf8::skip
  uint64_t repaired = 0;  // changed: InvalidUtf8::replace
};

class DocumentReader {
 public:
  virtual ~DocumentReader() = default;
  // The next document with any text in it; false at the end. Errors are Error(data) with path:line as the place: not
  // UTF-8, bad JSON, no such field, a line above max_bytes, a damaged or truncated compressed stream (path and byte).
  virtual bool next(std::string& text) = 0;

  // Of the document that next() gave last, and of everything up to its end.
  const DocumentLabels& labels() const { return labels_; }
  const ReadCounts& counts() const { return counts_; }
  virtual uint64_t line() const = 0;
  // Bytes of the file read so far, as they are on disk.
  virtual uint64_t bytes_read() const = 0;
  // Goes on after that line (a value of line() of an earlier reader), without looking at what comes before.
  virtual void skip_to(uint64_t line) = 0;

 protected:
  DocumentLabels labels_;
  ReadCounts counts_;
};

// Throws Error(data) when the file is missing or empty.
std::unique_ptr<DocumentReader> open_documents(const std::filesystem::path& path, const DocumentOptions& options);
std::unique_ptr<DocumentReader> open_documents(const std::filesystem::path& path, const std::string& text_field);

// What of a file's name decides how it is read, for cache keys.
std::string reading_key(const std::filesystem::path& path);

// The files behind a path: itself, or every file below a folder in the order of their names (hidden ones and the .idx
// of token shards left out). Throws Error(data) when there is none.
std::vector<std::filesystem::path> list_files(const std::filesystem::path& path);

}  // namespace espalier
