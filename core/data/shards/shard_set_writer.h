// The shards of one split of a source, one after the other, with the files beside them:
//   <shard>.hashes       the 16-byte content hash of each document (with duplicate removal)
//   <shard>.labels       uint16 language[documents], uint16 license[documents], uint16 label[documents] (with label
//   fields) <shard>.labels.json  what the numbers mean: {"documents": n, "language": [...], "license": [...], "label":
//   [...]}
//   <shard>.sums         what the bytes of all of them are, see shard_sums.h
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/data/shards/token_shard_writer.h"
#include "core/data/text/content_hash.h"
#include "core/data/text/document_reader.h"

namespace espalier {

class ShardSetWriter {
 public:
  // Begins with shard number `first`; what is left of others under these names is removed. Throws Error(data).
  ShardSetWriter(std::filesystem::path stem, int32_t vocab_size, uint64_t shard_tokens, uint64_t first);

  // The document followed by the token `end`. `hash` and `labels` may be null, for all documents or for none.
  void append(std::span<const int32_t> document, int32_t end, const ContentHash* hash, const DocumentLabels* labels);
  bool full() const;
  // Closes the shard: all its files are in place, the index last. The next document begins another one.
  void close_shard();
  uint64_t num_shards() const { return number_; }  // closed ones
  bool open() const { return writer_.has_value(); }

 private:
  struct Column {
    std::vector<std::string> values;
    std::map<std::string, uint16_t> numbers;
    std::vector<uint16_t> of_document;
  };
  void add_label(Column& column, const std::string& value);

  std::filesystem::path stem_;
  int32_t vocab_size_;
  uint64_t shard_tokens_, number_;
  std::optional<TokenShardWriter> writer_;
  std::vector<ContentHash> hashes_;
  Column languages_, licenses_, labels_;
};

// Adds the hashes beside a shard to a set. Throws Error(data).
void read_hashes(const std::filesystem::path& shard_stem, ContentHashSet& set);

// The label of each document of the shards behind `stem`, from their side-cars. Throws Error(data) where a shard has
// none or one that does not fit it.
std::vector<std::string> read_labels(const std::filesystem::path& stem);

}  // namespace espalier
