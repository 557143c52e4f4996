#include "core/checkpoint/model_files/safetensors_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/base/text.h"

namespace espalier {
namespace {

using nlohmann::json;

constexpr auto kCode = ErrorCode::checkpoint;
constexpr uint64_t kMaxHeader = 100'000'000;
constexpr size_t kMaxRank = 32;

[[noreturn]] void damaged(const std::string& place, const std::string& why, const std::string& hint = {}) {
  throw Error(kCode, "is not a valid safetensors file: " + why, place, hint);
}

// Bytes a value, or nothing for a type whose size is not known here.
std::optional<uint64_t> size_of(const std::string& dtype) {
  constexpr std::array<std::pair<std::string_view, uint64_t>, 16> sizes{{{"F64", 8},
                                                                         {"F32", 4},
                                                                         {"F16", 2},
                                                                         {"BF16", 2},
                                                                         {"I64", 8},
                                                                         {"I32", 4},
                                                                         {"I16", 2},
                                                                         {"I8", 1},
                                                                         {"U64", 8},
                                                                         {"U32", 4},
                                                                         {"U16", 2},
                                                                         {"U8", 1},
                                                                         {"BOOL", 1},
                                                                         {"F8_E4M3", 1},
                                                                         {"F8_E5M2", 1},
                                                                         {"C64", 8}}};
  for (const auto& [name, size] : sizes)
    if (name == dtype) return size;
  return std::nullopt;
}

// Non-negative integers; nothing where one is something else.
std::optional<std::vector<uint64_t>> naturals(const json& value, size_t most) {
  if (!value.is_array() || value.size() > most) return std::nullopt;
  std::vector<uint64_t> out;
  for (const json& item : value) {
    if (!item.is_number_unsigned() || item.get<uint64_t>() > uint64_t{INT64_MAX}) return std::nullopt;
    out.push_back(item.get<uint64_t>());
  }
  return out;
}

// What is wrong with a file that is too short or starts with a length that cannot be one.
[[noreturn]] void no_header(std::span<const std::byte> file, const std::string& place, const std::string& why) {
  const std::string_view start(reinterpret_cast<const char*>(file.data()), std::min<size_t>(file.size(), 64));
  if (start.starts_with("version https://git-lfs"))
    damaged(place, "it is a Git LFS pointer, which stands for the file", "fetch the file itself: git lfs pull");
  if (start.starts_with("<!DOCTYPE") || start.starts_with("<html"))
    damaged(place, "it is a web page", "download the file itself");
  if (start.starts_with("PK\x03\x04") || start.starts_with("\x80\x02"))
    damaged(place, "it is a PyTorch file",
            "save the model with transformers' save_pretrained(..., safe_serialization=True)");
  damaged(place, why, "copy or download it again");
}

TensorEntry read_entry(const std::string& name, const json& value, const std::string& place) {
  const std::string shown = fmt::format("'{}'", valid_utf8(name));
  for (const char* key : {"dtype", "shape", "data_offsets"})
    if (!value.is_object() || !value.contains(key)) damaged(place, shown + " is incomplete");
  TensorEntry entry;
  entry.name = name;
  if (!value["dtype"].is_string()) damaged(place, shown + " has the type " + brief_json(value["dtype"]));
  entry.dtype = value["dtype"].get<std::string>();
  const auto shape = naturals(value["shape"], kMaxRank);
  if (!shape) damaged(place, fmt::format("{} has the shape {}", shown, brief_json(value["shape"])));
  const auto offsets = naturals(value["data_offsets"], 2);
  if (!offsets || offsets->size() != 2 || (*offsets)[1] < (*offsets)[0])
    damaged(place, fmt::format("{} has the offsets {}", shown, brief_json(value["data_offsets"])));
  entry.begin = (*offsets)[0];
  entry.size = (*offsets)[1] - (*offsets)[0];
  for (const uint64_t size : *shape) entry.shape.push_back(static_cast<int64_t>(size));
  if (const auto bytes = size_of(entry.dtype)) {
    uint64_t total = *bytes;
    for (const uint64_t size : *shape)
      if (__builtin_mul_overflow(total, size, &total)) damaged(place, shown + " has a shape that is too large");
    if (total != entry.size)
      damaged(place, fmt::format("{} takes {} bytes, but its shape and type need {}", shown, entry.size, total));
  }
  return entry;
}

}  // namespace

std::vector<TensorEntry> read_safetensors_header(std::span<const std::byte> file, const std::string& place) {
  uint64_t length = 0;
  if (file.size() < 8) no_header(file, place, "shorter than its header");
  std::memcpy(&length, file.data(), 8);
  if (length > file.size() - 8) no_header(file, place, "the header is longer than the file");
  if (length > kMaxHeader) no_header(file, place, fmt::format("the header is longer than {} bytes", kMaxHeader));
  const std::string_view text(reinterpret_cast<const char*>(file.data()) + 8, length);
  json header;
  try {
    header = parse_json(text, kCode, place, {}, JsonKeys::unique);
  } catch (const Error& error) {
    damaged(place, "the header " + error.message());
  }
  if (!header.is_object()) damaged(place, "the header is no JSON object");

  std::vector<TensorEntry> entries;
  for (const auto& [name, value] : header.items())
    if (name != "__metadata__") entries.push_back(read_entry(name, value, place));
  std::sort(entries.begin(), entries.end(), [](const TensorEntry& a, const TensorEntry& b) {
    return std::pair(a.begin, a.size) < std::pair(b.begin, b.size);
  });
  const uint64_t data = file.size() - 8 - length;
  uint64_t end = 0;
  for (TensorEntry& entry : entries) {
    const std::string shown = fmt::format("'{}'", valid_utf8(entry.name));
    if (entry.begin < end) damaged(place, shown + " overlaps the tensor before it");
    if (entry.begin > end)
      damaged(place, fmt::format("{} bytes before {} belong to no tensor", entry.begin - end, shown));
    if (entry.size > data - std::min(data, entry.begin) || entry.begin > data)
      damaged(place, fmt::format("{} ends {} bytes after the file", shown, entry.begin + entry.size - data),
              "the file was not copied or downloaded whole");
    end = entry.begin + entry.size;
    entry.begin += 8 + length;
  }
  if (end != data) damaged(place, fmt::format("{} bytes after the last tensor belong to none", data - end));
  return entries;
}

}  // namespace espalier
