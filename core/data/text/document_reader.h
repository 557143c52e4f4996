// Text files as documents, one at a time, so that a file need not fit into memory.
//
// JSON lines (one JSON object a line; blank lines are skipped): the text is the value of `text_field`.
// Plain text: the whole file is one document; lines that hold only <|endoftext|> cut it into several.
// Which of the two a file is: file_format.h. Whether it is compressed is decided by its first bytes. NUL characters are
// text like any other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "core/data/text/file_format.h"

namespace espalier {

// What happens to a document with bytes that are not UTF-8, or with a JSON escape of half a surrogate pair. In JSON
// lines only the text and the labels count, not what else is on the line.
enum class InvalidUtf8 {
  error,    // Error(data) naming line and byte
  replace,  // U+FFFD in its place, see replace_invalid_utf8
  skip,     // the document is left out and counted
};

// A plain text document of more bytes gives its tail to validation, instead of being held out or trained on as a whole.
constexpr uint64_t kWholeDocumentBytes = uint64_t{64} << 10;

struct DocumentOptions {
  FileFormat format = FileFormat::automatic;  // automatic, text or json_lines
  std::string text_field = "text";
  // Keys of the labels in a JSON line; empty: none.
  std::string language_field, license_field, label_field;
  InvalidUtf8 invalid_utf8 = InvalidUtf8::error;
  // JSON lines whose text is missing, null or no string are left out and counted as empty; else they are errors.
  bool skip_without_text = false;
  // Share of each long plain text document that is read as a document of its own, held out for validation; 0: none.
  // Long is what has more than kWholeDocumentBytes, or is the only document of the only file of its source.
  double tail_fraction = 0;
  bool only_file = false;
  // A JSON line or a plain text document with more bytes is an error.
  uint64_t max_bytes = uint64_t{1} << 30;
};

// Values of the label fields; empty where a document has none or one that is not a string.
struct DocumentLabels {
  std::string language{}, license{}, label{};
  friend bool operator==(const DocumentLabels&, const DocumentLabels&) = default;
};

// Which split a document belongs to.
enum class HoldOut : uint8_t {
  by_content,  // a hash of its text decides, where documents are held out at all
  never,       // the beginning of a plain text document whose tail is held out
  always,      // that tail
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
  HoldOut hold_out() const { return hold_out_; }
  const ReadCounts& counts() const { return counts_; }
  // The last line that belongs to it or to the separator after it.
  virtual uint64_t line() const = 0;
  // Bytes of the file read so far, as they are on disk.
  virtual uint64_t bytes_read() const = 0;
  // Goes on after that line (a value of line() of an earlier reader), without looking at what comes before.
  virtual void skip_to(uint64_t line) = 0;

 protected:
  DocumentLabels labels_;
  HoldOut hold_out_ = HoldOut::by_content;
  ReadCounts counts_;
};

// Throws Error(data) when the file is missing or empty, and for what file_format.h refuses.
std::unique_ptr<DocumentReader> open_documents(const std::filesystem::path& path, const DocumentOptions& options);
std::unique_ptr<DocumentReader> open_documents(const std::filesystem::path& path, const std::string& text_field);

}  // namespace espalier
