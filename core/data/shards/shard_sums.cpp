#include "core/data/shards/shard_sums.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "core/base/checksum.h"
#include "core/base/file.h"
#include "core/base/open_file.h"

namespace espalier {
namespace {

constexpr std::string_view kMagic = "ESPSUMS1";
constexpr size_t kFixedWords = 5;  // of a shard, before its blocks
constexpr const char* kAgain = "delete the files of this name in data.cache_dir; they are made again";

[[noreturn]] void damaged(const fs::path& path) {
  throw Error(ErrorCode::data, "the checksums of the token shard are damaged", path.string(), kAgain);
}

uint64_t word_at(std::string_view bytes, size_t word) {
  uint64_t value;
  std::memcpy(&value, bytes.data() + kMagic.size() + word * sizeof(value), sizeof(value));
  return value;
}

uint64_t num_blocks(uint64_t bytes) {
  return bytes / ShardSums::kBlockBytes + (bytes % ShardSums::kBlockBytes != 0 ? 1 : 0);
}

void append(std::string& bytes, uint64_t value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

}  // namespace

fs::path sums_path(const fs::path& stem) {
  return stem.string() + ".sums";
}

void write_sums(const fs::path& stem, std::span<const ShardSums> shards) {
  std::string bytes(kMagic);
  append(bytes, shards.size());
  for (const auto& sums : shards) {
    for (const uint64_t value : {sums.bin_bytes, sums.idx, sums.hashes, sums.labels, sums.labels_json})
      append(bytes, value);
    for (const uint64_t sum : sums.blocks) append(bytes, sum);
  }
  append(bytes, checksum(bytes));
  write_file_atomic(sums_path(stem), bytes, ErrorCode::data);
}

std::vector<ShardSums> read_sums(const fs::path& stem, size_t num_shards) {
  const fs::path path = sums_path(stem);
  const std::string bytes = read_file(path, ErrorCode::data);
  if (bytes.size() < kMagic.size() + 2 * sizeof(uint64_t) || !bytes.starts_with(kMagic) ||
      bytes.size() % sizeof(uint64_t) != 0)
    damaged(path);
  const size_t last = (bytes.size() - kMagic.size()) / sizeof(uint64_t) - 1;
  const std::string_view summed(bytes.data(), bytes.size() - sizeof(uint64_t));
  if (word_at(bytes, last) != checksum(summed) || word_at(bytes, 0) != num_shards) damaged(path);
  std::vector<ShardSums> shards;
  size_t at = 1;
  for (size_t i = 0; i < num_shards; ++i) {
    if (last - at < kFixedWords) damaged(path);
    ShardSums sums{word_at(bytes, at),     word_at(bytes, at + 1), word_at(bytes, at + 2),
                   word_at(bytes, at + 3), word_at(bytes, at + 4), {}};
    at += kFixedWords;
    const uint64_t blocks = num_blocks(sums.bin_bytes);
    if (last - at < blocks) damaged(path);
    for (uint64_t block = 0; block < blocks; ++block) sums.blocks.push_back(word_at(bytes, at++));
    shards.push_back(std::move(sums));
  }
  if (at != last) damaged(path);
  return shards;
}

ShardSums read_sums(const fs::path& shard_stem) {
  return std::move(read_sums(shard_stem, 1).front());
}

ShardSums sum_shard(const fs::path& bin) {
  ShardSums sums;
  fs::path idx = bin;
  sums.idx = checksum_file(idx.replace_extension(".idx"), ErrorCode::data);
  const int fd = open_regular(bin, ErrorCode::data);
  std::string block(ShardSums::kBlockBytes, '\0');
  size_t filled = 0;
  int error = 0;
  for (;;) {
    const ssize_t n = ::read(fd, block.data() + filled, block.size() - filled);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) error = errno;
    if (n > 0) filled += static_cast<size_t>(n);
    if (filled == block.size() || (n <= 0 && filled > 0)) {
      sums.blocks.push_back(checksum(std::string_view(block).substr(0, filled)));
      sums.bin_bytes += filled;
      filled = 0;
    }
    if (n <= 0) break;
  }
  ::close(fd);
  if (error != 0) throw Error(ErrorCode::data, fmt::format("cannot read: {}", std::strerror(error)), bin.string());
  return sums;
}

std::string read_summed(const fs::path& path, uint64_t sum) {
  std::string bytes = read_file(path, ErrorCode::data);
  if (checksum(bytes) == sum) return bytes;
  throw Error(ErrorCode::data, "the file is not as it was written: it was damaged or changed", path.string(), kAgain);
}

}  // namespace espalier
