#include "core/data/text/utf8.h"

#include "core/base/text.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;

TEST_CASE("invalid UTF-8 is replaced as Python replaces it", "[data][utf8]") {
  const std::string mark = "\xEF\xBF\xBD";
  CHECK(replace_invalid_utf8("") == "");
  CHECK(replace_invalid_utf8("a\xC3\xA4\xF0\x9F\x98\x80z") == "a\xC3\xA4\xF0\x9F\x98\x80z");
  CHECK(replace_invalid_utf8("a\xFFz") == "a" + mark + "z");
  CHECK(replace_invalid_utf8("\xF0\x9F\x98") == mark);                           // breaks off at the end
  CHECK(replace_invalid_utf8("\xF0\x9F\x98z") == mark + "z");                    // breaks off inside
  CHECK(replace_invalid_utf8("\xC0\xAF") == mark + mark);                        // overlong
  CHECK(replace_invalid_utf8("\xED\xA0\x80") == mark + mark + mark);             // a surrogate
  CHECK(replace_invalid_utf8("\xF4\x90\x80\x80") == mark + mark + mark + mark);  // above U+10FFFF
}

// The hash is that of bytes.decode("utf-8", "replace").encode() of Python 3.11 for the same bytes.
TEST_CASE("twenty thousand bytes of trouble come out as from Python", "[data][utf8]") {
  const std::string alphabet("\x41\x20\x7f\x80\x8f\x90\x9f\xa0\xbf\xc0\xc1\xc2\xdf\xe0\xe1\xed\xef\xf0\xf3\xf4\xf5\xff",
                             22);
  std::string bytes;
  uint64_t state = 1;
  for (int i = 0; i < 20000; ++i) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    bytes += alphabet[(state >> 33) % alphabet.size()];
  }
  const std::string repaired = replace_invalid_utf8(bytes);
  CHECK(repaired.size() == 47557);
  CHECK(sha256_bytes(repaired) == "b396bea36c3ace13c3e6ac81b81e3f894c8503be49dd7c8c441eec6d6196d2cd");
  CHECK(find_invalid_utf8(repaired) == std::string::npos);
}
