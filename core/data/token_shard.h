// Token shards: documents of token ids on disk, memory-mapped. Three forms are read:
//   Megatron   NAME.bin + NAME.idx   (also written here; uint16 or int32 tokens)
//   llm.c      NAME.bin              (int32[256] header, magic 20240520, version 1, uint16 tokens)
//   nanoGPT    NAME.bin              (nothing but uint16 tokens)
// The last two mark documents by an end-of-text token only.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/base/file.h"

namespace espalier {

// An open shard; immutable, const calls may run on any thread, moving it keeps its contents in place.
class TokenShard {
 public:
  // `path` ends in .bin or .idx. `eos` cuts the files that have no index into documents, each ending with `eos` except
  // perhaps the last one. Throws Error(data) for a missing, truncated or inconsistent file.
  static TokenShard open(const std::filesystem::path& path, int32_t eos);

  size_t num_documents() const { return offsets_.size() - 1; }
  uint64_t num_tokens() const { return offsets_.back(); }
  // Tokens of a document, its end-of-text token included where the file has one.
  uint64_t length(size_t document) const { return offsets_[document + 1] - offsets_[document]; }
  // First token of a document, counted from the start of the shard.
  uint64_t offset(size_t document) const { return offsets_[document]; }
  // Copies the tokens [first, first + out.size()) of the shard; the range must lie inside it.
  void copy(uint64_t first, std::span<int32_t> out) const;
  const std::string& path() const { return path_; }

 private:
  TokenShard(MappedFile bin, std::string path, size_t width, size_t header)
      : bin_(std::move(bin)), path_(std::move(path)), width_(width), header_(header) {}
  static TokenShard open_megatron(const std::filesystem::path& bin, const std::filesystem::path& idx);
  static TokenShard open_without_index(const std::filesystem::path& bin, int32_t eos);

  MappedFile bin_;
  std::string path_;
  size_t width_, header_;          // bytes a token, bytes before the first
  std::vector<uint64_t> offsets_;  // num_documents + 1, in tokens
};

// Whether a file of a source holds tokens instead of text.
bool is_token_shard(const std::filesystem::path& path);

}  // namespace espalier
