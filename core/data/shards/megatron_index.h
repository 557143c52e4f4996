// The .idx file of a Megatron token shard (magic MMIDIDX, version 1; little endian, no padding):
//   char[9] magic, uint64 version, uint8 token type, uint64 sequences, uint64 documents + 1,
//   int32 length[sequences] in tokens, int64 pointer[sequences] in bytes, int64 first_sequence[documents + 1]
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace espalier {

struct MegatronIndex {
  size_t token_width = 2;            // bytes: 2 = uint16 (type 8), 4 = int32 (type 4)
  std::vector<uint64_t> offsets{0};  // documents + 1, in tokens

  // Sequences of a document are joined. Throws Error(data) when the file is truncated, of another type, or when its
  // sequences do not follow each other in the .bin file.
  static MegatronIndex read(const std::filesystem::path& idx);
  // One sequence a document. The bytes of the file.
  std::string serialize() const;
};

}  // namespace espalier
