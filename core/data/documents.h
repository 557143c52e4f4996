// Text files as documents, one at a time, so that a file need not fit into memory.
//
// .jsonl, .ndjson and .json (one JSON object a line; blank lines are skipped): the text is the value of `text_field`.
// Any other name: plain text, the whole file is one document; lines that hold only <|endoftext|> cut it into several.
// A suffix .gz or .zst is dropped before the name is looked at; whether a file is compressed is decided by its first
// bytes.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace espalier {

class DocumentReader {
 public:
  virtual ~DocumentReader() = default;
  // The next document with any text in it; false at the end. Errors are Error(data) with path:line as the place: not
  // UTF-8, bad JSON, no such field, a damaged or truncated compressed stream.
  virtual bool next(std::string& text) = 0;
};

// Throws Error(data) when the file is missing or empty.
std::unique_ptr<DocumentReader> open_documents(const std::filesystem::path& path, const std::string& text_field);

// The files behind a path: itself, or every file below a folder in the order of their names (hidden ones and the .idx
// of token shards left out). Throws Error(data) when there is none.
std::vector<std::filesystem::path> list_files(const std::filesystem::path& path);

}  // namespace espalier
