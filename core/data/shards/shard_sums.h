// What the bytes of prepared shards were when they were made: <shard>.sums beside each, or one <stem>.sums for all the
// shards of a source that are used where they are. The tokens are summed in blocks, so that each is checked when it is
// first read, and a start reads none of them.
//
// Layout, little endian: char[8] "ESPSUMS1", uint64 shards; for each shard uint64 bytes of the .bin, uint64 sum of the
// .idx, uint64 sum of the .hashes, uint64 sum of the .labels, uint64 sum of the .labels.json (0: there is none), uint64
// sum of each block of the .bin; at last uint64 sum of all before. Sums are those of core/base/checksum.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace espalier {

struct ShardSums {
  static constexpr uint64_t kBlockBytes = uint64_t{64} << 10;

  uint64_t bin_bytes = 0;
  uint64_t idx = 0, hashes = 0, labels = 0, labels_json = 0;
  std::vector<uint64_t> blocks;  // the last may be of a shorter block

  friend bool operator==(const ShardSums&, const ShardSums&) = default;
};

std::filesystem::path sums_path(const std::filesystem::path& stem);
// Written atomically. Throws Error(data).
void write_sums(const std::filesystem::path& stem, std::span<const ShardSums> shards);
// Throws Error(data) when the file is missing, damaged or of another number of shards.
std::vector<ShardSums> read_sums(const std::filesystem::path& stem, size_t num_shards);
// Of one shard.
ShardSums read_sums(const std::filesystem::path& shard_stem);

// Sums of a .bin and its .idx as they are now. Throws Error(data).
ShardSums sum_shard(const std::filesystem::path& bin);
// Reads a whole file beside a shard. Throws Error(data) when it is not the one that was summed.
std::string read_summed(const std::filesystem::path& path, uint64_t sum);

}  // namespace espalier
