// The header of a safetensors file, against the size of the file.
#include "core/checkpoint/model_files/safetensors_header.h"
#include "fuzz/input.h"

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  fuzz::survives([&] {
    size_t end = 0;
    for (const TensorEntry& entry : read_safetensors_header({reinterpret_cast<const std::byte*>(bytes), size}, "x")) {
      fuzz::require(entry.begin <= size && entry.size <= size - entry.begin, "a tensor lies in the file");
      fuzz::require(entry.begin >= end, "tensors do not overlap");
      end = entry.begin + entry.size;
    }
  });
  return 0;
}
