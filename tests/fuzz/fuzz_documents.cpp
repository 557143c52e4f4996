// Text files: the first byte chooses the name, the second what happens to bytes that are not UTF-8, the rest is the
// file, perhaps compressed.
#include <array>

#include "core/base/text.h"
#include "core/data/text/document_reader.h"
#include "fuzz/input.h"

using namespace espalier;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size < 2) return 0;
  constexpr std::array<const char*, 4> kNames{"a.jsonl", "b.txt", "c.jsonl.gz", "d.zst"};
  DocumentOptions options;
  options.invalid_utf8 = static_cast<InvalidUtf8>(bytes[1] % 3);
  options.license_field = "license";
  options.language_field = "lang";
  options.max_bytes = uint64_t{1} << 22;
  const auto path = fuzz::put(kNames[bytes[0] % kNames.size()], fuzz::text_of(bytes + 2, size - 2));
  uint64_t line = 0;
  const bool whole = fuzz::survives([&] {
    const auto reader = open_documents(path, options);
    uint64_t total = 0;
    for (std::string text; reader->next(text) && total < (uint64_t{1} << 24);) {
      fuzz::require(!text.empty() && find_invalid_utf8(text) == std::string::npos, "a document is text");
      total += text.size();
      if (line == 0) line = reader->line();
    }
  });
  if (!whole || line == 0) return 0;
  fuzz::survives([&] {
    const auto reader = open_documents(path, options);
    reader->skip_to(line);
    std::string text;
    reader->next(text);
  });
  return 0;
}
