// A stored growth plan, which may come from anywhere: what is read is a plan, with the same bytes.
#include "core/base/error.h"
#include "core/growth/plan.h"
#include "fuzz/input.h"

using namespace espalier;

namespace {

ModelSpec spec_of(int64_t layers) {
  ModelSpec spec;
  spec.num_layers = layers, spec.d_model = 8, spec.num_heads = spec.num_kv_heads = 2, spec.head_dim = 4, spec.d_ff = 16;
  spec.vocab_size = 16, spec.seq_len = 8;
  return spec;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const std::string_view text = fuzz::text_of(bytes, size);
  try {
    const growth::Plan plan = growth::plan_of_bytes(text, spec_of(1), spec_of(2), "fuzz");
    fuzz::require(growth::canonical_bytes(plan) == text, "what is read is what was stored");
  } catch (const Error& error) {
    fuzz::require(!error.message().empty(), "an error says what is wrong");
  }
  return 0;
}
