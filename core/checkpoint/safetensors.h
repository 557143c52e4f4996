// The safetensors file format: a JSON header, then raw little-endian tensors. Same tensors, same bytes.
#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "core/base/file.h"

namespace espalier {

using TensorMap = std::map<std::string, at::Tensor>;

// fp32, bf16, fp16 and int64 tensors, from any device; fsynced. Throws Error(checkpoint).
void write_safetensors(const fs::path& path, const TensorMap& tensors);
// Copies on the CPU. Throws Error(checkpoint) for a damaged header or offsets outside the file.
TensorMap read_safetensors(const fs::path& path);

}  // namespace espalier
