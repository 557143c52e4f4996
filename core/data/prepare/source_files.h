// The files of a source, in order, and what each of them holds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/data/prepare/config.h"
#include "core/data/prepare/document_filter.h"
#include "core/data/text/file_format.h"
#include "core/data/tokenizer/tokenizer.h"

namespace espalier {

struct SourceFile {
  std::filesystem::path path;
  FileFormat format = FileFormat::text;
  bool compressed = false;
};

// The files behind a path: itself, or every file below a folder in the order of their names (hidden ones and the .idx
// of token shards left out). Links are followed; a folder that was seen before is left out with a warning. Throws
// Error(data) when there is none, and for links to nothing, pipes and the like, unless they are to be skipped; then
// each is named in a warning.
std::vector<std::filesystem::path> list_files(const std::filesystem::path& path, bool skip_unusable = false);

// The files of the training text of a source, or of its own validation text (`val`). `tokenizer` may be null: then
// token ids without header are not looked at. Empty files of a folder are left out with a note, files that cannot be
// used are refused or, with data.unusable_files = "skip", left out with a warning. Throws Error(data).
std::vector<SourceFile> source_files(const PrepareConfig& config, const SourceConfig& source, Split split,
                                     const Tokenizer* tokenizer);

// How the documents of `files` are read.
DocumentOptions reading_of(const PrepareConfig& config, const SourceConfig& source,
                           const std::vector<SourceFile>& files);

// What decides how a file is read beside its content, for cache keys. Of a file that is what its name says, this is
// what the name gives, so that what was prepared before files were looked into is used again.
std::string reading_key(const SourceFile& file, const DocumentOptions& reading);
std::string reading_key(const std::filesystem::path& path);

}  // namespace espalier
