// espalier/state.json: what was read is written and read again.
#include "core/checkpoint/snapshot/state_record.h"
#include "fuzz/input.h"

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  fuzz::survives([&] {
    const std::string written = write_state(read_state(fuzz::text_of(bytes, size), "x"));
    fuzz::require(write_state(read_state(written, "x")) == written, "counters read back as they were written");
  });
  return 0;
}
