// The safetensors file format: a JSON header, then raw little-endian tensors. Same tensors, same bytes.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "core/base/file.h"
#include "core/checkpoint/model_files/safetensors_header.h"

namespace espalier {

using TensorMap = std::map<std::string, at::Tensor>;

// fp32, bf16, fp16 and int64 tensors, from any device; fsynced. Throws Error(checkpoint).
void write_safetensors(const fs::path& path, const TensorMap& tensors);
// Copies on the CPU of all tensors. Throws Error(checkpoint) for a damaged header or a type that LibTorch lacks.
TensorMap read_safetensors(const fs::path& path);

// A file whose tensors are read one at a time. The header is checked when it is opened.
class SafetensorsFile {
 public:
  explicit SafetensorsFile(const fs::path& path);

  const std::vector<TensorEntry>& entries() const { return entries_; }
  const fs::path& path() const { return path_; }
  // A copy on the CPU. Throws Error(checkpoint) for a type that LibTorch lacks.
  at::Tensor read(const TensorEntry& entry) const;

 private:
  fs::path path_;
  MappedFile file_;
  std::vector<TensorEntry> entries_;
};

}  // namespace espalier
