#include "core/data/token_shard.h"

#include <fmt/format.h>

#include <cassert>
#include <cstring>

#include "core/base/error.h"
#include "core/data/megatron_index.h"

namespace espalier {
namespace {

constexpr int32_t kLlmcMagic = 20240520;
constexpr size_t kLlmcHeader = 256 * sizeof(int32_t);

template <class T>
T load(std::span<const std::byte> bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

template <class T>
void copy_as(const std::byte* from, std::span<int32_t> out) {
  for (size_t i = 0; i < out.size(); ++i) {
    T value;
    std::memcpy(&value, from + i * sizeof(T), sizeof(T));
    out[i] = static_cast<int32_t>(value);
  }
}

[[noreturn]] void damaged(const std::string& what, const fs::path& path) {
  throw Error(ErrorCode::data, what, path.string(), "the file is damaged or not a token shard; make or copy it again");
}

}  // namespace

void TokenShard::copy(uint64_t first, std::span<int32_t> out) const {
  assert(first + out.size() <= num_tokens());
  const std::byte* from = bin_.bytes().data() + header_ + first * width_;
  if (width_ == 2) return copy_as<uint16_t>(from, out);
  copy_as<int32_t>(from, out);
}

TokenShard TokenShard::open(const fs::path& path, int32_t eos) {
  fs::path bin = path, idx = path;
  bin.replace_extension(".bin");
  idx.replace_extension(".idx");
  if (!fs::exists(bin)) throw Error(ErrorCode::data, "no such token shard", bin.string());
  return fs::exists(idx) ? open_megatron(bin, idx) : open_without_index(bin, eos);
}

TokenShard TokenShard::open_megatron(const fs::path& bin, const fs::path& idx) {
  MegatronIndex index = MegatronIndex::read(idx);
  TokenShard shard(MappedFile(bin, ErrorCode::data), bin.string(), index.token_width, 0);
  const uint64_t expected = index.offsets.back() * index.token_width;
  if (shard.bin_.bytes().size() != expected)
    damaged(fmt::format("has {} bytes, its index speaks of {}", shard.bin_.bytes().size(), expected), bin);
  shard.offsets_ = std::move(index.offsets);
  return shard;
}

TokenShard TokenShard::open_without_index(const fs::path& bin, int32_t eos) {
  TokenShard shard(MappedFile(bin, ErrorCode::data), bin.string(), 2, 0);
  const auto bytes = shard.bin_.bytes();
  if (bytes.size() >= kLlmcHeader && load<int32_t>(bytes, 0) == kLlmcMagic) {
    shard.header_ = kLlmcHeader;
    const auto version = load<int32_t>(bytes, 4);
    const auto count = load<int32_t>(bytes, 8);
    if (version != 1) damaged(fmt::format("llm.c shard of version {}; only version 1 is known", version), bin);
    if (count < 0 || bytes.size() != kLlmcHeader + static_cast<size_t>(count) * 2)
      damaged(fmt::format("has {} bytes, its header speaks of {} tokens", bytes.size(), count), bin);
  } else if (bytes.size() % 2 != 0) {
    damaged(fmt::format("has {} bytes, which are no whole uint16 tokens", bytes.size()), bin);
  }
  const uint64_t total = (bytes.size() - shard.header_) / 2;
  if (total == 0) damaged("holds no tokens", bin);
  shard.offsets_ = {0};
  for (uint64_t i = 0; i < total; ++i)
    if (load<uint16_t>(bytes, shard.header_ + i * 2) == eos) shard.offsets_.push_back(i + 1);
  if (shard.offsets_.back() != total) shard.offsets_.push_back(total);
  return shard;
}

bool is_token_shard(const fs::path& path) {
  return path.extension() == ".bin";
}

}  // namespace espalier
