// What a stranger's text may do to a terminal. Code points by hand: U+009B (CSI) is C2 9B, U+202E E2 80 AE, U+2066
// E2 81 A6; U+00E9 (an accented e, C3 A9) and U+2026 (an ellipsis, E2 80 A6) only look like them.
#include "core/base/control_characters.h"
#include "catch.h"

using namespace espalier;

TEST_CASE("a foreign text is one line that commands no terminal", "[base][text]") {
  CHECK(one_line("plain text, 100%") == "plain text, 100%");
  CHECK(one_line("a\x1b[31mred\nfalse line\r\tb\x7f") == "a?[31mred?false line??b?");
  CHECK(one_line("\xC2\x9B"
                 "31m \xE2\x80\xAE x \xE2\x80\xA8 \xE2\x81\xA6") == "?31m ? x ? ?");
  CHECK(one_line("\xC3\xA9 \xE2\x80\xA6") == "\xC3\xA9 \xE2\x80\xA6");
  CHECK(one_line(std::string_view("a\0b", 3)) == "a?b");
  CHECK(one_line("a\xFF") == "a\xEF\xBF\xBD");
  CHECK(one_line("").empty());
}

TEST_CASE("a long text is cut between two characters", "[base][text]") {
  CHECK(one_line("abcdef", 6) == "abcdef");
  CHECK(one_line("abcdef", 4) == "abcd...");
  CHECK(one_line("ab\xC3\xA9z", 3) == "ab...");
  CHECK(one_line("ab\xC3\xA9z", 4) == "ab\xC3\xA9...");
  CHECK(one_line(std::string(1'000'000, '\x1b'), 10) == "??????????...");
}
