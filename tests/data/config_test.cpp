#include "core/data/config.h"

#include "core/config/toml.h"
#include "data/support.h"

using namespace espalier;
using namespace espalier::testing;
using Catch::Matchers::Contains;

namespace {

DataConfig two_sources() {
  DataConfig config;
  config.sources = {source("a", "a.txt"), source("b-2", "b.txt")};
  return config;
}

std::string refusal(const DataConfig& config) {
  const Error error = error_of([&] { check(config); });
  CHECK(error.code() == ErrorCode::config);
  CHECK_FALSE(error.hint().empty());
  return error.message();
}

}  // namespace

TEST_CASE("the data table is read from TOML", "[data][config]") {
  DataConfig data;
  DifficultyConfig difficulty;
  read_toml_text(R"(
[data]
tokenizer = "byte"
exhausted = "stop"
[[data.sources]]
name = "books"
path = "books.jsonl"
weight = 0.5
exhausted = "error"
[[data.sources]]
name = "web"
paths = ["a", "b"]
weight = 1
text_field = "body"
[difficulty]
tiers = 3
)",
                 "test.toml", {}, [&](Fields& f) {
                   f.table("data", data, "");
                   f.table("difficulty", difficulty, "");
                 });
  REQUIRE(data.sources.size() == 2);
  CHECK(data.sources[0].weight == 0.5);
  CHECK(data.sources[1].paths == std::vector<std::string>{"a", "b"});
  CHECK(data.sources[1].text_field == "body");
  CHECK(data.vocab_size == 4096);
  CHECK(difficulty.tiers == 3);
  check(data);
  CHECK_THROWS_AS(
      read_toml_text("[data]\nexhausted = \"loop\"", "t", {}, [&](Fields& f) { f.table("data", data, ""); }), Error);
}

TEST_CASE("sources that do not fit together are refused", "[data][config]") {
  check(two_sources());
  CHECK_THAT(refusal(DataConfig{}), Contains("no data source"));
  DataConfig config = two_sources();
  config.sources[1].name = "a";
  CHECK_THAT(refusal(config), Contains("two sources are named"));
  for (const char* name : {"", "a/b", "a b", "a\n"}) {
    config.sources[1].name = name;
    CHECK_THAT(refusal(config), Contains("cannot name a source"));
  }
  config = two_sources();
  config.sources[1].path.clear();
  CHECK_THAT(refusal(config), Contains("has no path"));
  config = two_sources();
  config.sources[1].weight = 1;
  CHECK_THAT(refusal(config), Contains("some sources have a weight"));
  config.sources[0].weight = 3;
  check(config);
  config.exhausted = "never";
  CHECK_THAT(refusal(config), Contains("never"));
}
