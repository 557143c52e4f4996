// The header of a safetensors file: which tensors lie where. Everything is checked against the size of the file before
// anybody allocates or copies. No tensors here.
// Source: the format's description in github.com/huggingface/safetensors; limits and rules are those of its own reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace espalier {

struct TensorEntry {
  std::string name, dtype;  // "F32", "BF16", ...
  std::vector<int64_t> shape;
  size_t begin = 0, size = 0;  // bytes, from the start of the file
};

// Every tensor that the file lists, in the order of the bytes. Throws Error(checkpoint) for a header that is not JSON
// or is too long, a name that stands twice, a shape or offset that is negative, mistyped or too large, a size that is
// not that of shape and type, tensors that overlap or leave a gap, and bytes after the last one.
std::vector<TensorEntry> read_safetensors_header(std::span<const std::byte> file, const std::string& place);

}  // namespace espalier
