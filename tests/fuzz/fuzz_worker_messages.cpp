// What comes from a worker process: the first byte chooses the message.
#include "core/plugin/decision_messages.h"
#include "core/plugin/difficulty_messages.h"
#include "fuzz/input.h"

using namespace espalier;
using namespace espalier::plugin;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const std::string payload(fuzz::text_of(bytes + 1, size - 1));
  try {
    if (bytes[0] % 6 == 0) CreateRequest::read(payload);
    if (bytes[0] % 6 == 1) ScorerAnswer::read(payload);
    if (bytes[0] % 6 == 2) StrategyAnswer::read(payload);
    if (bytes[0] % 6 == 3) ScheduleAnswer::read(payload);
    if (bytes[0] % 6 == 4) read_shape(payload);
    if (bytes[0] % 6 == 5) {
      const OwnedDocs docs(payload);
      const DocBatch batch = docs.batch();
      size_t total = 0;
      for (size_t i = 0; i + 1 < batch.text_offsets.size(); ++i)
        total += batch.text
                     .subspan(static_cast<size_t>(batch.text_offsets[i]),
                              static_cast<size_t>(batch.text_offsets[i + 1] - batch.text_offsets[i]))
                     .size();
      fuzz::require(total <= batch.text.size(), "documents lie inside the text");
    }
  } catch (const Error& error) {
    fuzz::require(!error.message().empty(), "an error says what is wrong");
  }
  return 0;
}
