// What the cache knows about the token shards of one split of a source: <stem>.json, written when all of them are
// whole, and <stem>.part.json while some are still to come.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace espalier {

struct ShardTotals {
  uint64_t documents = 0, tokens = 0, bytes = 0;  // bytes: of text, as UTF-8
  // Documents that were left out: equal to an earlier one, equal to a validation document, without text, not UTF-8,
  // of another language or licence.
  uint64_t duplicates = 0, in_validation = 0, empty = 0, invalid = 0, filtered = 0;
  uint64_t repaired = 0;                                // documents with U+FFFD in place of bytes that are not UTF-8
  std::map<std::string, uint64_t> languages, licenses;  // documents by label; empty without label fields
};

struct ShardManifest {
  ShardTotals totals;
  uint64_t num_shards = 1;
  bool in_place = false;  // the files of the source serve as they are
  std::string tokenizer, key;
};

// How far tokenizing came: `num_shards` are whole and hold everything before `line` of file number `file` (for a file
// of tokens: before its document number `line`).
struct PartialShards {
  ShardTotals totals;
  uint64_t num_shards = 0, file = 0, line = 0;
};

// Path without suffix of shard number i: the first has the plain stem, the others <stem>.00001 and so on.
std::filesystem::path shard_stem(const std::filesystem::path& stem, uint64_t i);

// Nothing when there is none or it is damaged; then the shards are made again.
std::optional<ShardManifest> read_manifest(const std::filesystem::path& stem);
// Removes the partial one. Throws Error(data).
void write_manifest(const std::filesystem::path& stem, const ShardManifest& manifest);

// Nothing when there is none, it is damaged, or one of its shards is missing.
std::optional<PartialShards> read_partial(const std::filesystem::path& stem);
void write_partial(const std::filesystem::path& stem, const PartialShards& partial);

}  // namespace espalier
