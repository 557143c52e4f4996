#include "catch.h"
#include "core/base/error.h"
#include "core/config/toml_changes.h"

using namespace espalier;

TEST_CASE("changes between two configurations are found key by key", "[config][changes]") {
  const std::string before = R"(
[optimizer]
lr = 3e-3
beta1 = 0.9
[model]
layers = [1, 2]
[[data.sources]]
name = "a"
weight = 1.0
)";
  const std::string after = R"(
[optimizer]
beta1 = 0.9
lr = 4.5e-5
[model]
layers = [1, 3]
[[data.sources]]
name = "a"
weight = 1.0
[[data.sources]]
name = "b"
)";
  CHECK(toml_changes(before, before).empty());
  CHECK(toml_changes(before, after) == std::vector<TomlChange>{{"data.sources[b].name", "", "\"b\""},
                                                               {"model.layers", "[1, 2]", "[1, 3]"},
                                                               {"optimizer.lr", "0.003", "4.5e-5"}});
  CHECK(toml_changes(after, before).front() == TomlChange{"data.sources[b].name", "\"b\"", ""});
  CHECK_THROWS_AS(toml_changes("a = ", before), Error);
}
