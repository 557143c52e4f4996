#include "core/data/shards/shard_index.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "core/base/checksum.h"
#include "core/base/error.h"
#include "core/base/open_file.h"
#include "core/base/system_call.h"
#include "core/data/shards/megatron_index.h"
#include "core/data/text/file_hashes.h"

namespace espalier {
namespace {

constexpr std::string_view kMagic = "ESPSHIX2";
constexpr size_t kIdentity = 64;
constexpr size_t kHeader = 8 + kIdentity + 2 * sizeof(uint64_t);

fs::path idx_of(fs::path bin) {
  return bin.replace_extension(".idx");
}

std::string identity_of(const std::vector<fs::path>& bins) {
  std::string parts;
  for (const auto& bin : bins) {
    const fs::path idx = idx_of(bin);
    const std::string bin_stamp = file_stamp(bin), idx_stamp = file_stamp(idx);
    if (bin_stamp.empty() || idx_stamp.empty())
      throw Error(ErrorCode::data, "no such token shard", (bin_stamp.empty() ? bin : idx).string(),
                  "a Megatron shard is a .bin and an .idx file side by side");
    parts += fmt::format("{}\n{}\n{}\n", bin.string(), bin_stamp, idx_stamp);
  }
  return sha256_bytes(parts);
}

uint64_t number_at(std::span<const std::byte> bytes, size_t at) {
  uint64_t value;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

// Nothing when the file is not the index of these shards, whole and in order.
std::optional<ShardIndex> read(const fs::path& path, const std::string& identity, size_t num_files) {
  if (!path_exists(path)) return std::nullopt;
  ShardIndex index{MappedFile(path, ErrorCode::data), {}, {}};
  const auto bytes = index.map.bytes();
  if (bytes.size() < kHeader + sizeof(uint64_t) || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0 ||
      std::memcmp(bytes.data() + kMagic.size(), identity.data(), kIdentity) != 0)
    return std::nullopt;
  const uint64_t files = number_at(bytes, kHeader - 16), documents = number_at(bytes, kHeader - 8);
  const uint64_t words = (bytes.size() - kHeader) / sizeof(uint64_t) - 1;  // without the sum
  if (files != num_files || documents >= words || bytes.size() % sizeof(uint64_t) != 0 ||
      words != 2 * files + documents + 1)
    return std::nullopt;
  const size_t last = bytes.size() - sizeof(uint64_t);
  if (number_at(bytes, last) != checksum(bytes.first(last))) return std::nullopt;
  const auto* after = bytes.data() + kHeader;
  index.files = {reinterpret_cast<const ShardIndex::File*>(after), static_cast<size_t>(files)};
  index.offsets = {reinterpret_cast<const uint64_t*>(after + files * sizeof(ShardIndex::File)),
                   static_cast<size_t>(documents) + 1};
  uint64_t total = 0;
  for (const auto& file : index.files) {
    if (file.width != 2 && file.width != 4) return std::nullopt;
    if (file.tokens > UINT64_MAX / 8 - total) return std::nullopt;
    total += file.tokens;
  }
  if (index.offsets.front() != 0 || index.offsets.back() != total ||
      !std::is_sorted(index.offsets.begin(), index.offsets.end()))
    return std::nullopt;
  return index;
}

// Removes it again unless it got its name.
class Temporary {
 public:
  explicit Temporary(fs::path path) : path_(std::move(path)) {}
  ~Temporary() {
    std::error_code ignored;
    fs::remove(path_, ignored);
  }
  Temporary(const Temporary&) = delete;
  Temporary& operator=(const Temporary&) = delete;

  const fs::path& path() const { return path_; }
  void name(const fs::path& name) const {
    if (::rename(path_.c_str(), name.c_str()) != 0)
      throw Error(ErrorCode::data, fmt::format("cannot rename: {}", std::strerror(errno)), path_.string(),
                  "free some disk space or choose another data.cache_dir");
  }

 private:
  fs::path path_;
};

template <class T>
std::string_view bytes_of(std::span<const T> values) {
  return {reinterpret_cast<const char*>(values.data()), values.size_bytes()};
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// A new empty file of no one else.
fs::path temporary_file() {
  std::error_code ignored;
  fs::path folder = fs::temp_directory_path(ignored);
  if (folder.empty()) folder = "/tmp";
  std::string name = (folder / "espalier-index-XXXXXX").string();
  const int fd = ::mkstemp(name.data());
  if (fd < 0)
    throw Error(ErrorCode::data, fmt::format("cannot create: {}", std::strerror(errno)), name,
                "data.cache_dir cannot be written to, and neither can the folder for temporary files (TMPDIR)");
  ::close(fd);
  return name;
}

void write(const fs::path& path, const std::string& identity, const std::vector<fs::path>& bins,
           const std::vector<ShardSums>& sums) {
  const Temporary temporary(path.string() + ".tmp");
  FileWriter out(temporary.path(), ErrorCode::data);
  std::vector<ShardIndex::File> files(bins.size());
  uint64_t counts[2] = {bins.size(), 0}, first = 0;
  out.write(kMagic);
  out.write(identity);
  out.write(bytes_of<uint64_t>(counts));
  out.write(bytes_of<ShardIndex::File>(files));
  out.write(bytes_of<uint64_t>({&first, 1}));
  for (size_t i = 0; i < bins.size(); ++i) {
    if (!sums.empty()) read_summed(idx_of(bins[i]), sums[i].idx);
    MegatronIndex index = MegatronIndex::read(idx_of(bins[i]));
    files[i] = {index.offsets.back(), index.token_width};
    const uint64_t expected = files[i].tokens * files[i].width, size = file_bytes(bins[i], ErrorCode::data);
    if (size != expected)
      throw Error(ErrorCode::data, fmt::format("has {} bytes, its index speaks of {}", size, expected),
                  bins[i].string(), "the file is damaged or not a token shard; make or copy it again");
    for (uint64_t& offset : index.offsets) offset += first;
    out.write(bytes_of<uint64_t>(std::span(index.offsets).subspan(1)));
    counts[1] += index.offsets.size() - 1;
    first += files[i].tokens;
  }
  out.write_at(kHeader - sizeof(counts), bytes_of<uint64_t>(counts));
  out.write_at(kHeader, bytes_of<ShardIndex::File>(files));
  const uint64_t sum = checksum(MappedFile(temporary.path(), ErrorCode::data).bytes());
  out.write(bytes_of<uint64_t>({&sum, 1}));
  out.sync();
  temporary.name(path);
}

}  // namespace

ShardIndex open_shard_index(const std::vector<fs::path>& bins, const fs::path& index,
                            const std::vector<ShardSums>& sums) {
  const std::string identity = identity_of(bins);
  if (auto known = read(index, identity, bins.size())) return std::move(*known);
  // A folder that can only be read may hold shards that were copied there: then the index lives as long as its map.
  const bool writable = ::access(folder_of(index).c_str(), W_OK) == 0 || !read_only(errno);
  const fs::path file = writable ? index : temporary_file();
  write(file, identity, bins, sums);
  auto made = read(file, identity, bins.size());
  std::error_code ignored;
  if (!writable) fs::remove(file, ignored);
  if (!made)
    throw Error(ErrorCode::data, "cannot read back the index of the token shards", index.string(),
                "the shards change while they are read, or the disk is failing");
  return std::move(*made);
}

}  // namespace espalier
