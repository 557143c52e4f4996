#include "core/plugin/foreign_text.h"

#include "catch.h"
#include "tests/plugin/support.h"

using Catch::Contains;
using namespace espalier::plugin;
using namespace espalier::test;

TEST_CASE("an id is in reverse DNS order", "[plugin][names]") {
  for (const char* good : {"org.example.growth.mine", "com.my-lab.x_1", "io.github.Someone.v2"})
    CHECK(id_problem(good) == "");
  for (const char* bad : {"", "cosine", "com.cosine", ".a.b", "a..b.c", "a.b.c.", "a.b.c d", "a.b.c\n", "a.b.c/../d",
                          "a.b.\xC3\xA9t\xC3\xA9", "org.example.growth.mine;", "a.b.c\033[2J"})
    CHECK(id_problem(bad) != "");
  CHECK(id_problem("a.b." + std::string(500, 'c')) != "");
  CHECK(key_problem("block_size") == "");
  for (const char* bad : {"", "a key", "a.b", "a=b", "a\"b", "a\nb"}) CHECK(key_problem(bad) != "");
}

TEST_CASE("characters that a terminal obeys are found", "[plugin][names]") {
  for (const char* good : {"", "plain text", "\xC3\xA9t\xC3\xA9 \xE2\x80\x94 \xF0\x9F\x8C\xB3"})
    CHECK(find_control(good) == std::string::npos);
  CHECK(find_control("ab\033[31m") == 2);
  CHECK(find_control("a\nb") == 1);
  CHECK(find_control("a\x7f") == 1);
  CHECK(find_control("a\xC2\x9B"
                     "2J") == 1);                     // CSI as one character
  CHECK(find_control("a\xE2\x80\xAE txt.exe") == 1);  // right to left
  CHECK(find_control("a\xE2\x80\xA8") == 1);          // line separator
  CHECK(without_controls("one\n\ttwo\033[2J\xC2\x9B") == "one\n\ttwo?[2J?");
}

TEST_CASE("a file's name is one line of text", "[plugin][names]") {
  CHECK(shown("/a/with space.so") == "/a/with space.so");
  CHECK(shown("/a/line\nbreak\033[2J.so") == "/a/line?break?[2J.so");
  CHECK(shown("/a/bad\xff.so") == "/a/bad\xEF\xBF\xBD.so");
}

TEST_CASE("the word at fault is a whole word", "[plugin][names]") {
  CHECK(named_in("the separate rates differ", {"rate"}) == "");
  CHECK(named_in("rate_max is below rate", {"rate"}) == "rate");
  CHECK(named_in("rate_max is below rate", {"rate", "rate_max"}) == "rate_max");
  CHECK(named_in("growth-rate is odd", {"rate"}) == "");
  CHECK(named_in("step 3 does not divide num_layers 8", {"num", "step"}) == "step");
  CHECK(named_in("in all, 'step' is odd", {"in", "step"}) == "step");  // what is in quotes is a name
  CHECK(named_in("a \"b\" `c`", {"c", "b"}) == "b");
  CHECK(named_in("nothing here", {}) == "");
  CHECK(named_in("x", {""}) == "");
}
