// Writes a Megatron token shard. Nothing is seen under its name before finish(): both files are written under temporary
// names, synced and renamed, the index last, so a shard with an index is whole.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "core/base/file.h"
#include "core/data/shards/megatron_index.h"
#include "core/data/shards/shard_sums.h"

namespace espalier {

class TokenShardWriter {
 public:
  // `stem` is the path without a suffix. uint16 tokens for vocabularies below 65500, else int32. Throws Error(data).
  TokenShardWriter(std::filesystem::path stem, int32_t vocab_size);
  // An unfinished shard leaves no file behind.
  ~TokenShardWriter();
  TokenShardWriter(const TokenShardWriter&) = delete;
  TokenShardWriter& operator=(const TokenShardWriter&) = delete;

  // Adds one document, not empty, of at most 2^31 - 1 tokens, ids in [0, vocab_size).
  void append(std::span<const int32_t> document);
  // The document followed by the token `end`.
  void append(std::span<const int32_t> document, int32_t end);
  void finish();
  // Of the files, after finish().
  const ShardSums& sums() const { return sums_; }
  uint64_t num_tokens() const { return index_.offsets.back(); }
  uint64_t num_documents() const { return index_.offsets.size() - 1; }

 private:
  void write(std::span<const int32_t> ids);
  void write_block();
  void close_document(uint64_t tokens);
  std::filesystem::path temporary(const char* suffix) const;
  void remove_temporaries() noexcept;

  std::filesystem::path stem_;
  MegatronIndex index_;
  FileWriter bin_;
  std::string block_;  // what of the next block of sums is there
  size_t filled_ = 0;
  ShardSums sums_;
};

}  // namespace espalier
