// Durations: a text, measured against runs of several kinds.
#include <cmath>

#include "core/config/duration.h"
#include "fuzz/input.h"

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto text = fuzz::text_of(bytes, size);
  fuzz::survives([&] {
    const Duration duration = Duration::parse(text, "length");
    fuzz::require(std::isfinite(duration.value) && duration.value >= 0, "a duration is a finite number");
    fuzz::require(Duration::parse(duration.to_string(), "again") == duration, "a duration reads back as written");
    for (const RunLength& run : {RunLength{}, RunLength{100, 256, 100000, 1e9, {}}, RunLength{1, 1, 1, 1e-300, {}},
                                 RunLength{1000, 512, 100000, 1e9, {{0, 128}, {10, 256}, {20, 512}}}})
      fuzz::survives([&] { fuzz::require(duration.to_steps(run, "length") >= 0, "steps are not negative"); });
  });
  return 0;
}
