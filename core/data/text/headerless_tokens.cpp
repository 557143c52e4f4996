#include "core/data/text/headerless_tokens.h"

#include <fmt/format.h>

#include <cstring>
#include <optional>

#include "core/base/error.h"

namespace espalier {
namespace {

// Fewer ids than this show nothing.
constexpr size_t kFewest = 8;

template <class T>
T at(std::span<const std::byte> bytes, size_t i) {
  T value;
  std::memcpy(&value, bytes.data() + i * sizeof(T), sizeof(T));
  return value;
}

template <class T>
std::optional<size_t> first_outside(std::span<const std::byte> bytes, uint64_t bound) {
  for (size_t i = 0; i < bytes.size() / sizeof(T); ++i)
    if (at<T>(bytes, i) >= bound) return i;
  return std::nullopt;
}

bool all_zero(std::span<const std::byte> bytes) {
  for (const std::byte b : bytes)
    if (b != std::byte{0}) return false;
  return true;
}

}  // namespace

FileFormat token_width(const std::filesystem::path& path, std::span<const std::byte> bytes, uint64_t size,
                       int64_t vocab_size) {
  const auto refuse = [&](const std::string& what, const std::string& hint) -> Error {
    return {ErrorCode::data, what, path.string(), hint};
  };
  const std::string set_format = "set format of the source to \"uint16\" or \"uint32\"";
  const auto bound = static_cast<uint64_t>(vocab_size);
  if (size % 2 != 0)
    throw refuse(fmt::format("has {} bytes, which are no whole uint16 ids", size),
                 "the file is damaged or not a token shard; make or copy it again");
  if (size % 4 != 0 || first_outside<uint32_t>(bytes, bound)) {
    if (const auto outside = first_outside<uint16_t>(bytes, bound))
      throw Error(ErrorCode::data,
                  fmt::format("token {} lies outside the vocabulary of {}, and as uint32 the ids do not fit it either",
                              at<uint16_t>(bytes, *outside), vocab_size),
                  fmt::format("{}: token number {}", path.string(), *outside),
                  "set data.tokenizer to the tokenizer that made the file");
    if (bound > UINT16_MAX + 1 && bytes.size() >= kFewest * 2)
      throw refuse(fmt::format("holds no uint32 ids below the vocabulary of {}, and uint16 cannot hold all of its ids",
                               vocab_size),
                   "set data.tokenizer to the tokenizer that made the file, or format of the source to \"uint16\"");
    return FileFormat::uint16;
  }
  // Ids of two bytes that could be read as four would have a zero, or nearly, in every second place.
  if (all_zero(bytes) || bytes.size() < kFewest * 4)
    throw refuse("may hold uint16 or uint32 ids: both fit the vocabulary", set_format);
  if (size % 8 == 0 && bytes.size() >= kFewest * 8 && !first_outside<uint64_t>(bytes, bound))
    throw refuse("holds int64 ids, which are not read",
                 "write it again: numpy.fromfile(name, numpy.int64).astype(numpy.uint32).tofile(name)");
  return FileFormat::uint32;
}

}  // namespace espalier
