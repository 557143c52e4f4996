// A config.json -> the architecture; what was read can be counted and written again.

#include "core/base/json.h"
#include "core/base/json_object.h"
#include "core/checkpoint/model_files/hf_config.h"
#include "fuzz/input.h"

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  fuzz::survives([&] {
    const HfConfig read = read_hf_config(parse_json(fuzz::text_of(bytes, size), ErrorCode::checkpoint, "x"), "x");
    if (read.spec.num_layers <= 64) fuzz::require(num_params(read.spec) > 0, "the parameters can be counted");
    const nlohmann::json written = hf_config(read.spec, 0, read.kept);
    ModelSpec again = spec_from_hf(written, "x");
    again.seq_len = read.spec.seq_len;
    fuzz::require(again == read.spec, "the architecture reads back as it was written");
  });
  return 0;
}
