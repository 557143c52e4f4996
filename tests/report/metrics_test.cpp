// metrics.jsonl of a run that goes on: whatever is in it.
#include "core/report/metrics.h"

#include "catch.h"
#include "core/base/file.h"
#include "support/temp_dir.h"

using namespace espalier;

namespace {

// What is left of the lines for a run that goes on from step 10, stage 1.
std::string kept(const std::string& lines, double* seconds = nullptr) {
  const TempDir dir;
  write_file(dir.path() / "metrics.jsonl", lines, ErrorCode::config);
  const MetricsWriter writer(dir.path(), 10, 1, false);
  if (seconds != nullptr) *seconds = writer.seconds_before();
  return read_file(dir.path() / "metrics.jsonl", ErrorCode::config);
}

}  // namespace

TEST_CASE("rows of work that is done again are dropped", "[report][metrics]") {
  double seconds = 0;
  const std::string first = "{\"step\":1,\"seconds\":0.5}\n",
                    last = "{\"step\":10,\"growth/stage\":1.0,\"seconds\":7.5}\n";
  CHECK(kept(first + last + "{\"step\":11,\"seconds\":9}\n{\"step\":10,\"growth/stage\":2.0}\n", &seconds) ==
        first + last);
  CHECK(seconds == 7.5);
}

TEST_CASE("a line that is no row is dropped, whatever it holds", "[report][metrics]") {
  const std::string good = "{\"step\":2,\"seconds\":3}\n";
  const std::string deep = "{\"step\":1,\"a\":" + std::string(200000, '[') + std::string(200000, ']') + "}\n";
  for (const std::string& bad :
       {std::string("{\"step\":null}\n"), std::string("{\"step\":\"3\"}\n"), std::string("{\"step\":[]}\n"),
        std::string("{}\n"), std::string("null\n"), std::string("\n"), std::string("\xFF\xFE\n"),
        std::string("{\"step\":1,\"growth/stage\":null}\n"), std::string("{\"step\":1e999}\n"),
        std::string("{\"step\":18446744073709551615}\n"), std::string("{\"step\":1e300}\n"), deep}) {
    INFO(bad.substr(0, 60));
    CHECK(kept(good + bad + good) == good + good);
  }
  double seconds = -1;
  CHECK(kept(good + "{\"step\":3,\"seconds\":\"long\"}\n{\"st", &seconds).starts_with(good));  // the last line is torn
  CHECK(seconds == 3);
}
