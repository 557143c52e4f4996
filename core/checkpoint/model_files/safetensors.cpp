#include "core/checkpoint/model_files/safetensors.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <fmt/format.h>

#include <array>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "core/base/json.h"
#include "core/base/text.h"

namespace espalier {
namespace {

using nlohmann::json;

const char* dtype_name(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return "F32";
    case at::kBFloat16:
      return "BF16";
    case at::kHalf:
      return "F16";
    case at::kLong:
      return "I64";
    default:
      throw Error(ErrorCode::internal, "a tensor type that checkpoints do not hold");
  }
}

std::optional<at::ScalarType> dtype_of(const std::string& name) {
  constexpr std::array<std::pair<std::string_view, at::ScalarType>, 10> types{{{"F64", at::kDouble},
                                                                               {"F32", at::kFloat},
                                                                               {"BF16", at::kBFloat16},
                                                                               {"F16", at::kHalf},
                                                                               {"I64", at::kLong},
                                                                               {"I32", at::kInt},
                                                                               {"I16", at::kShort},
                                                                               {"I8", at::kChar},
                                                                               {"U8", at::kByte},
                                                                               {"BOOL", at::kBool}}};
  for (const auto& [theirs, ours] : types)
    if (theirs == name) return ours;
  return std::nullopt;
}

}  // namespace

void write_safetensors(const fs::path& path, const TensorMap& tensors) {
  json header;
  header["__metadata__"] = {{"format", "pt"}};
  size_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    header[name] = {{"dtype", dtype_name(tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {offset, offset + tensor.nbytes()}}};
    offset += tensor.nbytes();
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // tensors start at a multiple of 8
  std::string bytes(8 + text.size() + offset, '\0');
  const uint64_t size = text.size();
  std::memcpy(bytes.data(), &size, 8);
  std::memcpy(bytes.data() + 8, text.data(), text.size());
  size_t at = 8 + text.size();
  for (const auto& [name, tensor] : tensors) {
    const at::Tensor flat = tensor.detach().contiguous().cpu();
    std::memcpy(bytes.data() + at, flat.const_data_ptr(), flat.nbytes());
    at += flat.nbytes();
  }
  write_file(path, bytes, ErrorCode::checkpoint);
}

SafetensorsFile::SafetensorsFile(const fs::path& path)
    : path_(path),
      file_(path, ErrorCode::checkpoint),
      entries_(read_safetensors_header(file_.bytes(), path.string())) {}

at::Tensor SafetensorsFile::read(const TensorEntry& entry) const {
  const auto type = dtype_of(entry.dtype);
  if (!type)
    throw Error(ErrorCode::checkpoint,
                fmt::format("'{}' is of type {}, which is not supported", valid_utf8(entry.name), entry.dtype),
                path_.string(), "save the weights as float32, bfloat16 or float16");
  at::Tensor tensor = at::empty(entry.shape, *type);
  if (entry.size > 0) std::memcpy(tensor.mutable_data_ptr(), file_.bytes().data() + entry.begin, entry.size);
  return tensor;
}

TensorMap read_safetensors(const fs::path& path) {
  const SafetensorsFile file(path);
  TensorMap tensors;
  for (const TensorEntry& entry : file.entries()) tensors.emplace(entry.name, file.read(entry));
  return tensors;
}

}  // namespace espalier
