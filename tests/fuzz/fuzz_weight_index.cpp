// model.safetensors.index.json.
#include "core/checkpoint/model_files/weight_index.h"
#include "fuzz/input.h"

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  fuzz::survives([&] {
    for (const auto& [tensor, file] : read_weight_index(fuzz::text_of(bytes, size), "x"))
      fuzz::require(stays_inside(file), "a file lies in the folder of the index");
  });
  return 0;
}
