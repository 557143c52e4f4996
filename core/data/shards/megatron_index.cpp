#include "core/data/shards/megatron_index.h"

#include <fmt/format.h>

#include <cstring>
#include <limits>
#include <string_view>

#include "core/base/error.h"
#include "core/base/file.h"

namespace espalier {
namespace {

constexpr std::string_view kMagic("MMIDIDX\0\0", 9);
constexpr uint64_t kVersion = 1;
constexpr uint8_t kInt32 = 4, kUint16 = 8;

class Reader {
 public:
  Reader(std::span<const std::byte> bytes, std::string path) : bytes_(bytes), path_(std::move(path)) {}

  [[noreturn]] void damaged(const std::string& what) const {
    throw Error(ErrorCode::data, what, path_,
                "the index is damaged or not a Megatron index; make or copy the shard again");
  }
  template <class T>
  T take() {
    require(1, sizeof(T));
    T value;
    std::memcpy(&value, bytes_.data() + at_, sizeof(T));
    at_ += sizeof(T);
    return value;
  }
  void require(uint64_t count, uint64_t size) const {
    if (count > (bytes_.size() - at_) / size) damaged("the index is truncated");
  }
  bool at_end() const { return at_ == bytes_.size(); }

 private:
  std::span<const std::byte> bytes_;
  std::string path_;
  size_t at_ = 0;
};

template <class T>
void put(std::string& bytes, T value) {
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(T));
}

}  // namespace

MegatronIndex MegatronIndex::read(const fs::path& idx) {
  const MappedFile file(idx, ErrorCode::data);
  Reader in(file.bytes(), idx.string());
  std::string magic;
  for (size_t i = 0; i < kMagic.size(); ++i) magic += in.take<char>();
  if (magic != kMagic) in.damaged("not a Megatron index: the magic bytes differ");
  if (const auto version = in.take<uint64_t>(); version != kVersion)
    in.damaged(fmt::format("index of version {}", version));
  const auto type = in.take<uint8_t>();
  if (type != kInt32 && type != kUint16)
    in.damaged(fmt::format("tokens of type {}; only uint16 and int32 are read", type));
  const auto sequences = in.take<uint64_t>(), bounds = in.take<uint64_t>();
  in.require(sequences, sizeof(int32_t) + sizeof(int64_t));
  in.require(bounds, sizeof(int64_t));
  if (bounds == 0) in.damaged("the index has no document bounds");

  MegatronIndex index;
  index.token_width = type == kUint16 ? 2 : 4;
  std::vector<uint64_t> starts{0};
  for (uint64_t i = 0; i < sequences; ++i) {
    const auto length = in.take<int32_t>();
    if (length < 0) in.damaged("a sequence has a negative length");
    starts.push_back(starts.back() + static_cast<uint64_t>(length));
  }
  for (uint64_t i = 0; i < sequences; ++i)
    if (static_cast<uint64_t>(in.take<int64_t>()) != starts[i] * index.token_width)
      in.damaged(fmt::format("sequence {} does not start where the one before it ends", i));
  uint64_t last = 0;
  for (uint64_t i = 0; i < bounds; ++i) {
    const auto bound = static_cast<uint64_t>(in.take<int64_t>());
    if (bound > sequences || bound < last || (i == 0 && bound != 0)) in.damaged("the document bounds are out of order");
    if (i > 0 && bound > last) index.offsets.push_back(starts[bound]);
    last = bound;
  }
  if (last != sequences) in.damaged("the document bounds leave sequences out");
  if (!in.at_end()) in.damaged("the index has bytes after its end");
  return index;
}

std::string MegatronIndex::serialize() const {
  const uint64_t documents = offsets.size() - 1;
  std::string bytes(kMagic);
  put(bytes, kVersion);
  put(bytes, token_width == 2 ? kUint16 : kInt32);
  put(bytes, documents);
  put(bytes, documents + 1);
  for (size_t i = 0; i < documents; ++i) put(bytes, static_cast<int32_t>(offsets[i + 1] - offsets[i]));
  for (size_t i = 0; i < documents; ++i) put(bytes, static_cast<int64_t>(offsets[i] * token_width));
  for (size_t i = 0; i <= documents; ++i) put(bytes, static_cast<int64_t>(i));
  return bytes;
}

}  // namespace espalier
