// metrics.jsonl of a run that goes on: rows after the step or the stage are dropped, the others stay.
#include "core/base/file.h"
#include "core/base/json.h"
#include "core/report/metrics.h"
#include "fuzz/input.h"

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  const auto path = fuzz::put("metrics.jsonl", fuzz::text_of(bytes, size));
  fuzz::survives([&] {
    MetricsWriter writer(fuzz::scratch(), 10, 1, false);
    MetricsRow row;
    row.step = 11;
    row.values["train/loss"] = 1.5;
    writer.write(row);
    const std::string kept = read_file(path, ErrorCode::config);
    fuzz::require(kept.ends_with("\n"), "every row is a line");
    for (size_t at = 0; at < kept.size();) {
      const size_t end = kept.find('\n', at);
      fuzz::require(parse_json_object(kept.substr(at, end - at)).has_value(), "what is kept are rows");
      at = end + 1;
    }
  });
  return 0;
}
