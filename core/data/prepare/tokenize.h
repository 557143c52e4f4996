// Files of a source to token shards: text is tokenized, foreign token shards are copied; every document ends with the
// tokenizer's end-of-text token.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/data/prepare/document_filter.h"
#include "core/data/prepare/source_files.h"
#include "core/data/shards/shard_manifest.h"
#include "core/data/text/content_hash.h"
#include "core/data/text/document_reader.h"
#include "core/data/tokenizer/tokenizer.h"

namespace espalier {

// The documents that were taken so far, in the order of splits, sources and files: the first of equal ones stays.
struct SeenDocuments {
  ContentHashSet train, val;
};

struct TokenizeTask {
  std::vector<SourceFile> files;
  DocumentOptions reading;
  DocumentFilter filter;
  Split split = Split::train;
  SeenDocuments* seen = nullptr;  // null: duplicates stay
  std::filesystem::path stem;
  std::string source;  // named in the log and in errors
  uint64_t shard_tokens = uint64_t{1} << 28;
};

// What was made: totals and the number of shards, named by shard_stem.
struct TokenizedShards {
  ShardTotals totals;
  uint64_t num_shards = 0;
};

// Writes the shards, documents in the order of the files. A shard is closed at the first end of a document at or after
// shard_tokens. Tokenizes on several threads; the result does not depend on how many. Goes on after the whole shards
// that an interrupted call with the same task left. Throws Error(data); no document at all is an error, too.
TokenizedShards tokenize_files(const TokenizeTask& task, const Tokenizer& tokenizer);

}  // namespace espalier
