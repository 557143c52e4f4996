// Text whose nesting would cost a stack frame a level is refused by its place, before it is parsed.
#include "core/config/toml_depth.h"

#include "catch.h"
#include "core/config/toml_changes.h"
#include "tests/config/read.h"

using namespace espalier;
using namespace espalier::test;
using Catch::Contains;

namespace {

std::string repeated(const std::string& piece, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += piece;
  return out;
}

}  // namespace

TEST_CASE("a configuration may not lie deep inside itself", "[config][depth]") {
  const size_t many = 100000;
  for (const std::string& text :
       {repeated("a.", many) + "b = 1\n", "[" + repeated("a.", many) + "b]\n", "[[" + repeated("a.", many) + "b]]\n",
        "x = " + repeated("[", many), "x = " + repeated("{a=", many), "x = " + repeated("[{a.b.c=", many),
        repeated("\"a\" . ", many) + "b = 1\n", "x = {" + repeated("a.", many) + "b = 1}\n",
        "# " + repeated("a.", many) + "\ny = [\n" + repeated("[\n", many)}) {
    const Error error = read_error(text);
    INFO(text.substr(0, 20));
    CHECK(error.code() == ErrorCode::config);
    CHECK_THAT(error.message(), Contains("deep"));
    CHECK_THAT(error.place(), Contains("run.toml:"));
    CHECK_THROWS_AS(toml_changes("", text), Error);
  }
  CHECK_THAT(read_error("ok = 1\n" + repeated("a.", 100) + "b = 1\n").place(), Contains("run.toml:2:"));
  const Error error = read_error("", {repeated("a.", many) + "b=1"});
  CHECK(error.code() == ErrorCode::config);
  CHECK(error.place().size() < 100);
  CHECK(read_error("", {"data.tokenizer=" + repeated("[", many)}).code() != ErrorCode::data);
}

TEST_CASE("dots and brackets that do not nest are not counted", "[config][depth]") {
  CHECK_FALSE(too_deep_in_toml("a = [" + repeated("1.5, ", 1000) + "]\n"));
  CHECK_FALSE(too_deep_in_toml("a = \"" + repeated(".[{", 1000) + "\"\n"));
  CHECK_FALSE(too_deep_in_toml("a = '" + repeated(".[{", 1000) + "'\n"));
  CHECK_FALSE(too_deep_in_toml("a = \"\"\"\n" + repeated(".[{\"\n", 1000) + "\"\"\"\"\"\n"));
  CHECK_FALSE(too_deep_in_toml("a = '''" + repeated(".'[{\n", 1000) + "'''\n"));
  CHECK_FALSE(too_deep_in_toml("# " + repeated(".[{", 1000) + "\n"));
  CHECK_FALSE(too_deep_in_toml(repeated("[a.b.c]\nd.e = [1.5, {x.y = 2.5}]\n", 1000)));
  CHECK_FALSE(too_deep_in_toml(repeated("[[a.b]]\n", 1000)));
  CHECK(too_deep_in_toml("a = \"\\\"\"\nb = " + repeated("[", kDeepestToml + 1)));
  CHECK(too_deep_in_toml("[" + repeated("a.", 40) + "b]\n" + repeated("a.", 40) + "b = 1\n"));
}
