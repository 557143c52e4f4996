// The document bounds of many Megatron shards in one file, so that a start with ten thousand shards maps one index
// instead of reading and checking each. It is derived from the shards: a missing, damaged or stale one is made again.
//
// Layout, little endian: char[8] "ESPSHIX2", char[64] identity, uint64 files F, uint64 documents D,
// F times (uint64 tokens, uint64 bytes a token), uint64 offset[D + 1] in tokens, counted through all files, uint64 sum
// of all before (core/base/checksum.h). The identity is the SHA-256 of the paths and stamps (size, times, inode) of all
// .bin and .idx files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

#include "core/base/file.h"
#include "core/data/shards/shard_sums.h"

namespace espalier {

struct ShardIndex {
  struct File {
    uint64_t tokens = 0, width = 0;
  };
  MappedFile map;
  std::span<const File> files;        // in `map`
  std::span<const uint64_t> offsets;  // documents + 1, in `map`
};

// `bins` are .bin files with an .idx beside each. Each shard is checked as TokenShard::open checks it, unless `index`
// shows that it has been since it last changed. Memory does not grow with the number of shards while it is made.
// Throws Error(data) for a missing or inconsistent shard.
// `sums`, where there are some, are held against the .idx files that are read.
ShardIndex open_shard_index(const std::vector<std::filesystem::path>& bins, const std::filesystem::path& index,
                            const std::vector<ShardSums>& sums = {});

}  // namespace espalier
