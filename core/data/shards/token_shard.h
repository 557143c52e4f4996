// Token shards: documents of token ids on disk, memory-mapped. Three forms are read:
//   Megatron   NAME.bin + NAME.idx   (also written here; uint16 or int32 tokens)
//   llm.c      NAME.bin              (int32[256] header, magic 20240520, version 1, uint16 tokens; or magic 20240801,
//                                     version 7, uint32 tokens)
//   nanoGPT    NAME.bin              (nothing but uint16 or uint32 tokens)
// The last two mark documents by an end-of-text token only.
//
// Several Megatron shards can be opened as one: their documents and tokens are then numbered through.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/base/file.h"
#include "core/data/shards/shard_sums.h"
#include "core/data/text/file_format.h"

namespace espalier {

// What is known of shards when they are opened, to be held against what is read from them.
struct ShardChecks {
  std::vector<ShardSums> sums;  // one a file; empty: none are known
  int32_t vocab_size = 0;       // ids lie below; 0: not known
};

// An open shard, or several as one; immutable, const calls may run on any thread, moving it keeps its contents in
// place. Reading keeps a bounded part of the files resident, however large they are.
class TokenShard {
 public:
  // `path` is that of the tokens or of their .idx. `eos` cuts the files that have no index into documents, each ending
  // with `eos` except perhaps the last one. `format` is one of tokens; automatic: Megatron's where there is an .idx,
  // llm.c's where there is its header, else uint16. Throws Error(data) for a missing, truncated or inconsistent file.
  static TokenShard open(const std::filesystem::path& path, int32_t eos, FileFormat format = FileFormat::automatic);
  // The Megatron shards `bins` (.bin, each with its .idx) as one, in this order. The document bounds of all of them are
  // kept in the file `index`, see shard_index.h: opening the same shards again reads none of them. Throws Error(data),
  // also for an .idx or a length that is not that of `checks`.
  static TokenShard open_indexed(const std::vector<std::filesystem::path>& bins, const std::filesystem::path& index,
                                 ShardChecks checks = {});

  size_t num_documents() const { return offsets_.size() - 1; }
  uint64_t num_tokens() const { return offsets_.back(); }
  // Tokens of a document, its end-of-text token included where the file has one.
  uint64_t length(size_t document) const { return offsets_[document + 1] - offsets_[document]; }
  // First token of a document, counted from the start of the (first) shard.
  uint64_t offset(size_t document) const { return offsets_[document]; }
  // Copies the tokens [first, first + out.size()); the range must lie inside and may cross from one file to the next.
  // Each block of a file is held against its sum when it is first read. Throws Error(data) with file and token: for a
  // block that has changed, an id outside of the vocabulary, a file that has become shorter since it was opened.
  void copy(uint64_t first, std::span<int32_t> out) const;
  // The .bin file; of several the first.
  const std::string& path() const { return files_.front().path; }
  // The .bin file that holds a document.
  const std::string& path_of(size_t document) const { return file_of(offsets_[document]).path; }
  // "path: token number n", counted within its file; for errors.
  std::string place_of(uint64_t token) const;
  size_t num_files() const { return files_.size(); }

 private:
  struct File {
    MappedFile bin;
    std::string path;
    size_t width, header;    // bytes a token, bytes before the first
    uint64_t first, tokens;  // first token, counted through all files
  };
  // Of each file, whether it was read since its pages were last let go, and how many bytes were read in all. Changes
  // while the shard is const.
  struct Residency {
    explicit Residency(size_t files) : read(files) {}
    std::vector<std::atomic<bool>> read;
    std::atomic<uint64_t> bytes{0};
    std::vector<std::vector<std::atomic<bool>>> checked{};  // of each file with sums: the blocks that were as written
  };

  explicit TokenShard(std::vector<File> files, std::vector<uint64_t> offsets);
  static TokenShard open_megatron(const std::filesystem::path& bin, const std::filesystem::path& idx);
  static TokenShard open_without_index(const std::filesystem::path& bin, int32_t eos, FileFormat format);
  const File& file_of(uint64_t token) const;
  void copy_from(size_t file, uint64_t skip, std::span<int32_t> out) const;
  void note_read(size_t file, uint64_t bytes) const;

  std::vector<File> files_;
  ShardChecks checks_;
  std::vector<uint64_t> owned_offsets_;  // either these or the mapped ones
  std::optional<MappedFile> index_;
  std::span<const uint64_t> offsets_;  // num_documents + 1, in tokens
  std::unique_ptr<Residency> residency_;
};

}  // namespace espalier
