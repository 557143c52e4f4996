#include "core/checkpoint/safetensors.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <cstring>
#include <nlohmann/json.hpp>

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

at::ScalarType dtype_of(const std::string& name, const fs::path& path) {
  if (name == "F32") return at::kFloat;
  if (name == "BF16") return at::kBFloat16;
  if (name == "F16") return at::kHalf;
  if (name == "I64") return at::kLong;
  throw Error(ErrorCode::checkpoint, "holds tensors of type " + name + ", which is not supported", path.string());
}

[[noreturn]] void damaged(const fs::path& path, const std::string& why) {
  throw Error(ErrorCode::checkpoint, "is not a valid safetensors file: " + why, path.string());
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

TensorMap read_safetensors(const fs::path& path) {
  const MappedFile file(path, ErrorCode::checkpoint);
  const auto bytes = file.bytes();
  uint64_t header_size = 0;
  if (bytes.size() < 8) damaged(path, "shorter than its header");
  std::memcpy(&header_size, bytes.data(), 8);
  if (header_size > bytes.size() - 8) damaged(path, "the header is longer than the file");
  const auto* text = reinterpret_cast<const char*>(bytes.data()) + 8;
  const json header = json::parse(text, text + header_size, nullptr, false);
  if (!header.is_object()) damaged(path, "the header is not JSON");
  const size_t base = 8 + header_size;
  TensorMap tensors;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") continue;
    if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") || !entry.contains("data_offsets"))
      damaged(path, "'" + name + "' is incomplete");
    const auto shape = entry["shape"].get<std::vector<int64_t>>();
    const auto offsets = entry["data_offsets"].get<std::vector<uint64_t>>();
    at::Tensor tensor = at::empty(shape, dtype_of(entry["dtype"], path));
    if (offsets.size() != 2 || offsets[1] < offsets[0] || offsets[1] > bytes.size() - base ||
        offsets[1] - offsets[0] != tensor.nbytes())
      damaged(path, "'" + name + "' lies outside the file or has another size than its shape");
    std::memcpy(tensor.mutable_data_ptr(), bytes.data() + base + offsets[0], tensor.nbytes());
    tensors.emplace(name, std::move(tensor));
  }
  return tensors;
}

}  // namespace espalier
