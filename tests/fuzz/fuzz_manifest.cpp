// espalier/manifest.json, without the files that it lists.
#include "core/checkpoint/model_files/manifest.h"
#include "fuzz/input.h"

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  fuzz::survives([&] {
    const Manifest manifest(fuzz::text_of(bytes, size), "x");
    fuzz::require(!manifest.files().empty(), "a manifest lists files");
  });
  return 0;
}
