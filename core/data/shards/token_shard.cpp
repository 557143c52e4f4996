#include "core/data/shards/token_shard.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <cassert>
#include <cstring>

#include "core/base/checksum.h"
#include "core/base/error.h"
#include "core/base/mapped_guard.h"
#include "core/base/open_file.h"
#include "core/data/shards/megatron_index.h"
#include "core/data/shards/shard_index.h"
#include "core/data/shards/token_ids.h"

namespace espalier {
namespace {

// Magic, version and width of the tokens (llm.c, dev/data/data_common.py).
struct LlmcKind {
  int32_t magic, version;
  size_t width;
};
constexpr LlmcKind kLlmcKinds[] = {{20240520, 1, 2}, {20240801, 7, 4}};
constexpr size_t kLlmcHeader = 256 * sizeof(int32_t);
// Reading a page makes its neighbours resident, too (the kernel's fault-around).
constexpr uint64_t kReadAround = uint64_t{64} << 10;
constexpr uint64_t kMostResident = uint64_t{64} << 20;

template <class T>
T load(std::span<const std::byte> bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

// Tokens of a file into memory, and the check of the blocks that hold them. Runs while the file may lose its pages, so
// it owns nothing and calls nothing that could.
struct Reading {
  std::span<const std::byte> bytes;  // the map
  size_t at, width;                  // byte of the first token, bytes a token
  std::span<int32_t> out;
  std::span<const uint64_t> sums;
  std::atomic<bool>* checked = nullptr;  // of each block
  bool damaged = false;
};

template <class T>
void copy_as(const std::byte* from, std::span<int32_t> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, from + i * sizeof(T), sizeof(T));
    out[i] = static_cast<int32_t>(value);
  }
}

void read_checked(Reading& reading) {
  const size_t end = reading.at + reading.out.size() * reading.width;
  if (!reading.sums.empty())
    for (size_t block = reading.at / ShardSums::kBlockBytes; block * ShardSums::kBlockBytes < end; ++block) {
      if (reading.checked[block].load(std::memory_order_relaxed)) continue;
      const size_t begin = block * ShardSums::kBlockBytes;
      const auto whole = reading.bytes.subspan(begin, std::min(ShardSums::kBlockBytes, reading.bytes.size() - begin));
      if (checksum(whole) != reading.sums[block]) {
        reading.damaged = true;
        return;
      }
      reading.checked[block].store(true, std::memory_order_relaxed);
    }
  const std::byte* from = reading.bytes.data() + reading.at;
  if (reading.width == 2) {
    copy_as<uint16_t>(from, reading.out);
  } else {
    copy_as<int32_t>(from, reading.out);
  }
}

[[noreturn]] void damaged(const std::string& what, const fs::path& path) {
  throw Error(ErrorCode::data, what, path.string(), "the file is damaged or not a token shard; make or copy it again");
}

// Pages of a map count as memory of the process until they are let go; the system keeps them in its cache all the same.
void let_go(std::span<const std::byte> map) {
  if (!map.empty()) ::madvise(const_cast<std::byte*>(map.data()), map.size(), MADV_DONTNEED);
}

void check_size(const fs::path& bin, uint64_t bytes, uint64_t expected) {
  if (bytes != expected) damaged(fmt::format("has {} bytes, its index speaks of {}", bytes, expected), bin);
}

}  // namespace

TokenShard::TokenShard(std::vector<File> files, std::vector<uint64_t> offsets)
    : files_(std::move(files)),
      owned_offsets_(std::move(offsets)),
      offsets_(owned_offsets_),
      residency_(std::make_unique<Residency>(files_.size())) {}

const TokenShard::File& TokenShard::file_of(uint64_t token) const {
  const auto after = std::upper_bound(files_.begin(), files_.end(), token,
                                      [](uint64_t at, const File& file) { return at < file.first; });
  return *(after - 1);
}

std::string TokenShard::place_of(uint64_t token) const {
  const File& file = file_of(token);
  return fmt::format("{}: token number {}", file.path, token - file.first);
}

void TokenShard::copy(uint64_t first, std::span<int32_t> out) const {
  assert(first + out.size() <= num_tokens());
  if (out.empty()) return;
  for (const File* file = &file_of(first); !out.empty(); ++file) {
    const uint64_t skip = first - file->first;
    const auto count = static_cast<size_t>(std::min<uint64_t>(file->tokens - skip, out.size()));
    copy_from(static_cast<size_t>(file - files_.data()), skip, out.first(count));
    out = out.subspan(count);
    first += count;
  }
}

void TokenShard::copy_from(size_t number, uint64_t skip, std::span<int32_t> out) const {
  const File& file = files_[number];
  Reading reading{file.bin.bytes(), file.header + skip * file.width, file.width, out, {}, nullptr, false};
  if (!checks_.sums.empty()) {
    reading.sums = checks_.sums[number].blocks;
    reading.checked = residency_->checked[number].data();
  }
  const auto place = [&](uint64_t token) { return place_of(file.first + token); };
  if (!read_guarded([](void* argument) { read_checked(*static_cast<Reading*>(argument)); }, &reading))
    throw Error(ErrorCode::data, "the token shard became shorter while it was read, or its disk failed", place(skip),
                "leave the files of data.cache_dir and of the sources alone while a run uses them");
  if (reading.damaged)
    throw Error(ErrorCode::data, "the tokens are not as they were written: the shard was damaged or changed",
                place(skip),
                "delete the files of this name in data.cache_dir, they are made again; copy a shard of your own anew");
  if (checks_.vocab_size > 0)
    if (const size_t bad = first_outside(out, checks_.vocab_size); bad != out.size())
      refuse_id(out[bad], checks_.vocab_size, place(skip + bad));
  note_read(number, out.size() * file.width);
}

void TokenShard::note_read(size_t file, uint64_t bytes) const {
  residency_->read[file].store(true, std::memory_order_relaxed);
  if (residency_->bytes.fetch_add(bytes + kReadAround, std::memory_order_relaxed) < kMostResident) return;
  residency_->bytes.store(0, std::memory_order_relaxed);
  for (size_t i = 0; i < files_.size(); ++i) {
    if (!residency_->read[i].exchange(false, std::memory_order_relaxed)) continue;
    let_go(files_[i].bin.bytes());
  }
}

TokenShard TokenShard::open(const fs::path& path, int32_t eos, FileFormat format) {
  fs::path bin = path, idx = path;
  if (path.extension() == ".idx") bin.replace_extension(".bin");
  idx.replace_extension(".idx");
  if (!path_exists(bin)) throw Error(ErrorCode::data, "no such token shard", bin.string());
  const bool megatron = format == FileFormat::megatron || (format == FileFormat::automatic && path_exists(idx));
  return megatron ? open_megatron(bin, idx) : open_without_index(bin, eos, format);
}

TokenShard TokenShard::open_megatron(const fs::path& bin, const fs::path& idx) {
  MegatronIndex index = MegatronIndex::read(idx);
  MappedFile map(bin, ErrorCode::data);
  check_size(bin, map.bytes().size(), index.offsets.back() * index.token_width);
  std::vector<File> files;
  files.push_back({std::move(map), bin.string(), index.token_width, 0, 0, index.offsets.back()});
  return TokenShard(std::move(files), std::move(index.offsets));
}

TokenShard TokenShard::open_without_index(const fs::path& bin, int32_t eos, FileFormat format) {
  MappedFile map(bin, ErrorCode::data);
  const auto bytes = map.bytes();
  size_t header = 0, width = format == FileFormat::uint32 ? 4 : 2;
  const bool may_have_header = format != FileFormat::uint16 && format != FileFormat::uint32;
  for (const auto& kind : kLlmcKinds) {
    if (!may_have_header || bytes.size() < kLlmcHeader || load<int32_t>(bytes, 0) != kind.magic) continue;
    header = kLlmcHeader;
    width = kind.width;
    const auto version = load<int32_t>(bytes, 4);
    const auto count = load<int32_t>(bytes, 8);
    if (version != kind.version)
      damaged(fmt::format("llm.c shard of version {}; only version {} is known", version, kind.version), bin);
    if (count < 0 || bytes.size() != kLlmcHeader + static_cast<size_t>(count) * width)
      damaged(fmt::format("has {} bytes, its header speaks of {} tokens", bytes.size(), count), bin);
  }
  if (header == 0 && bytes.size() % width != 0)
    damaged(fmt::format("has {} bytes, which are no whole uint{} tokens", bytes.size(), width * 8), bin);
  const uint64_t total = (bytes.size() - header) / width;
  if (total == 0) damaged("holds no tokens", bin);
  std::vector<uint64_t> offsets{0};
  const auto token = [&](uint64_t i) {
    return width == 2 ? int32_t{load<uint16_t>(bytes, header + i * 2)} : load<int32_t>(bytes, header + i * 4);
  };
  for (uint64_t i = 0; i < total; ++i) {
    if (token(i) == eos) offsets.push_back(i + 1);
    if ((i + 1) % (kMostResident / width) == 0) let_go(bytes);
  }
  if (offsets.back() != total) offsets.push_back(total);
  std::vector<File> files;
  files.push_back({std::move(map), bin.string(), width, header, 0, total});
  return TokenShard(std::move(files), std::move(offsets));
}

TokenShard TokenShard::open_indexed(const std::vector<fs::path>& bins, const fs::path& index, ShardChecks checks) {
  assert(checks.sums.empty() || checks.sums.size() == bins.size());
  ShardIndex known = open_shard_index(bins, index, checks.sums);
  std::vector<File> files;
  files.reserve(bins.size());
  uint64_t first = 0;
  for (size_t i = 0; i < bins.size(); ++i) {
    const auto& [tokens, width] = known.files[i];
    MappedFile map(bins[i], ErrorCode::data);
    check_size(bins[i], map.bytes().size(), tokens * width);
    if (!checks.sums.empty()) check_size(bins[i], map.bytes().size(), checks.sums[i].bin_bytes);
    files.push_back({std::move(map), bins[i].string(), static_cast<size_t>(width), 0, first, tokens});
    first += tokens;
  }
  TokenShard shard(std::move(files), {});
  shard.index_ = std::move(known.map);
  shard.offsets_ = known.offsets;
  shard.checks_ = std::move(checks);
  for (const auto& sums : shard.checks_.sums) shard.residency_->checked.emplace_back(sums.blocks.size());
  return shard;
}

}  // namespace espalier
