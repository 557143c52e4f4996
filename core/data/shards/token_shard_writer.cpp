#include "core/data/shards/token_shard_writer.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <cstring>
#include <limits>

#include "core/base/checksum.h"
#include "core/base/error.h"

namespace espalier {
namespace {

constexpr int32_t kLargestUint16Vocab = 65500;

template <class T>
void pack(std::span<const int32_t> ids, char* out) {
  for (size_t i = 0; i < ids.size(); ++i) {
    const auto value = static_cast<T>(ids[i]);
    std::memcpy(out + i * sizeof(T), &value, sizeof(T));
  }
}

}  // namespace

TokenShardWriter::TokenShardWriter(fs::path stem, int32_t vocab_size)
    : stem_(std::move(stem)), bin_(temporary(".bin"), ErrorCode::data), block_(ShardSums::kBlockBytes, '\0') {
  index_.token_width = vocab_size < kLargestUint16Vocab ? 2 : 4;
}

TokenShardWriter::~TokenShardWriter() {
  remove_temporaries();
}

// A name of its own, so that two processes never write into one file, and a killed one leaves no half shard.
fs::path TokenShardWriter::temporary(const char* suffix) const {
  return stem_.string() + suffix + ".tmp" + std::to_string(::getpid());
}

void TokenShardWriter::remove_temporaries() noexcept {
  std::error_code ignored;
  fs::remove(temporary(".bin"), ignored);
  fs::remove(temporary(".idx"), ignored);
}

void TokenShardWriter::append(std::span<const int32_t> document) {
  assert(!document.empty());
  write(document);
  close_document(document.size());
}

void TokenShardWriter::append(std::span<const int32_t> document, int32_t end) {
  write(document);
  write({&end, 1});
  close_document(document.size() + 1);
}

void TokenShardWriter::write(std::span<const int32_t> ids) {
  const size_t width = index_.token_width;
  while (!ids.empty()) {
    const auto part = ids.first(std::min(ids.size(), (block_.size() - filled_) / width));
    ids = ids.subspan(part.size());
    char* const to = block_.data() + filled_;
    if (width == 2) {
      pack<uint16_t>(part, to);
    } else {
      pack<int32_t>(part, to);
    }
    filled_ += part.size() * width;
    if (filled_ == block_.size()) write_block();
  }
}

// Summed before it leaves memory, so that what a disk makes of it is found, too.
void TokenShardWriter::write_block() {
  const std::string_view bytes(block_.data(), filled_);
  if (bytes.empty()) return;
  sums_.blocks.push_back(checksum(bytes));
  sums_.bin_bytes += bytes.size();
  bin_.write(bytes);
  filled_ = 0;
}

void TokenShardWriter::close_document(uint64_t tokens) {
  if (tokens > static_cast<uint64_t>(std::numeric_limits<int32_t>::max()))
    throw Error(ErrorCode::data, "a document has more than 2^31 - 1 tokens", stem_.string(),
                "split the text into documents");
  index_.offsets.push_back(index_.offsets.back() + tokens);
}

void TokenShardWriter::finish() {
  write_block();
  bin_.sync();
  const std::string idx = index_.serialize();
  sums_.idx = checksum(idx);
  write_file(temporary(".idx"), idx, ErrorCode::data);
  for (const char* suffix : {".bin", ".idx"})
    if (std::rename(temporary(suffix).c_str(), (stem_.string() + suffix).c_str()) != 0)
      throw Error(ErrorCode::data, fmt::format("cannot rename: {}", std::strerror(errno)), temporary(suffix).string(),
                  "free some disk space or choose another data.cache_dir");
  fsync_path(stem_.has_parent_path() ? stem_.parent_path() : fs::path("."), ErrorCode::data);
}

}  // namespace espalier
