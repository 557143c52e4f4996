#include "core/data/stream/config.h"

#include <limits>

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
  config.sources[0].weight = std::numeric_limits<double>::infinity();
  CHECK_THAT(refusal(config), Contains("weight inf"));
  config.sources[0].weight = 3;
  config.sources[0].languages = {"en"};
  CHECK_THAT(refusal(config), Contains("no language_field"));
  config.sources[0].languages.clear();
  config.sources[0].licenses = {"MIT"};
  CHECK_THAT(refusal(config), Contains("no license_field"));
  config.sources[0].licenses.clear();
  config.sources[0].val = "v";
  config.sources[0].val_documents = 5;
  CHECK_THAT(refusal(config), Contains("more than one of val"));
  config.sources[0].val_documents = 0;
  config.dedup = "fuzzy";
  CHECK_THAT(refusal(config), Contains("fuzzy"));
  config.dedup = "exact";
  config.invalid_utf8 = "ignore";
  CHECK_THAT(refusal(config), Contains("ignore"));
  config.invalid_utf8 = "skip";
  check(config);
  config.exhausted = "never";
  CHECK_THAT(refusal(config), Contains("never"));
}
