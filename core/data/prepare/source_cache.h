// The token shards of sources in the cache folder: found by the hash of what they are made from, or made.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "core/data/prepare/config.h"
#include "core/data/prepare/source_files.h"
#include "core/data/prepare/tokenize.h"
#include "core/data/shards/token_shard.h"
#include "core/data/text/file_hashes.h"
#include "core/data/tokenizer/tokenizer.h"

namespace espalier {

// Whether a source has validation text of any kind.
bool has_val(const SourceConfig& source);

struct CachedShards {
  std::string key;             // hash of text, tokenizer and choices
  std::filesystem::path stem;  // of files that belong to the shards, without suffix
  ShardTotals totals;
  std::vector<std::filesystem::path> bins;
  bool in_place = false;  // the files of the source themselves
};

// The folder must be locked while this is used. With duplicate removal, what an earlier call gave decides what a later
// one keeps: validation text of all sources first, then the training text, in the order of the sources.
class SourceCache {
 public:
  // The arguments must outlive the cache.
  SourceCache(const PrepareConfig& config, const Tokenizer& tokenizer, FileHashes& hashes)
      : config_(config), tokenizer_(tokenizer), hashes_(hashes) {}

  // Throws Error(data), Error(config).
  CachedShards shards(const SourceConfig& source, Split split);
  // Throws Error(data) when the files are not those of the description.
  TokenShard open(const CachedShards& shards) const;

 private:
  void make(CachedShards& shards, const SourceConfig& source, Split split, const std::vector<SourceFile>& files);
  bool use_in_place(CachedShards& shards, const SourceConfig& source, const std::vector<SourceFile>& files);
  SeenDocuments* seen();

  const PrepareConfig& config_;
  const Tokenizer& tokenizer_;
  FileHashes& hashes_;
  // With duplicate removal: keys of what came before, and the shards whose hashes are not in seen_ yet.
  std::string before_;
  std::vector<std::pair<Split, std::filesystem::path>> unread_;
  SeenDocuments seen_;
};

}  // namespace espalier
