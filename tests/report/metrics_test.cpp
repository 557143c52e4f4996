// metrics.jsonl: what a row says, and a run that goes on, whatever is in the file.
#include "core/report/metrics.h"

#include <cmath>
#include <limits>

#include "catch.h"
#include "core/base/file.h"
#include "core/base/json.h"
#include "report/event_reader.h"
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

std::vector<nlohmann::json> rows_in(const fs::path& run_dir) {
  std::vector<nlohmann::json> rows;
  std::string text = read_file(run_dir / "metrics.jsonl", ErrorCode::config);
  for (size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
    rows.push_back(nlohmann::json::parse(text.substr(0, end)));
    text.erase(0, end + 1);
  }
  CHECK(text.empty());  // every row ends its line
  return rows;
}

}  // namespace

TEST_CASE("a row is its position on four axes and its values, exactly", "[report][metrics]") {
  const TempDir dir;
  MetricsWriter writer(dir.path(), 0, 0, false);
  const double third = 1.0 / 3;
  writer.write({3, int64_t{1} << 53, 1.5e18, 0.25, {{"train/loss", third}, {"growth/stage", 2}}});
  CHECK(rows_in(dir.path()) == std::vector<nlohmann::json>{{{"step", 3},
                                                            {"tokens", int64_t{1} << 53},
                                                            {"flops", 1.5e18},
                                                            {"seconds", 0.25},
                                                            {"train/loss", third},
                                                            {"growth/stage", 2.0}}});
  CHECK_FALSE(fs::exists(dir.path() / "tb"));
}

TEST_CASE("values that are not finite are left out, in both files", "[report][metrics]") {
  const TempDir dir;
  MetricsWriter writer(dir.path(), 0, 0, true);
  const double infinity = std::numeric_limits<double>::infinity();
  writer.write({1, 2, 3, 4, {{"train/loss", NAN}, {"a/up", infinity}, {"a/down", -infinity}, {"train/lr", 0.5}}});
  REQUIRE(rows_in(dir.path()).size() == 1);
  CHECK(rows_in(dir.path())[0] ==
        nlohmann::json{{"step", 1}, {"tokens", 2}, {"flops", 3.0}, {"seconds", 4.0}, {"train/lr", 0.5}});
  const fs::path events = fs::directory_iterator(dir.path() / "tb")->path();
  CHECK(read_event_file(read_file(events, ErrorCode::config)).at(1).values ==
        std::map<std::string, float>{{"train/lr", 0.5F}});
}

TEST_CASE("a run that goes on appends, and writes what it kept at its step only once", "[report][metrics]") {
  const TempDir dir;
  const MetricsRow validated{5, 10, 20, 30, {{"val/bpb", 1.5}}};
  {
    MetricsWriter first(dir.path(), 0, 0, false);
    first.write({5, 10, 20, 29, {{"train/loss", 2}}});
    first.write(validated);
    first.write({6, 12, 24, 36, {{"train/loss", 1}}});
  }
  MetricsWriter second(dir.path(), 5, 0, false);
  CHECK(second.seconds_before() == 30);
  MetricsRow again = validated;
  again.seconds = 31;  // later, the same figures
  second.write(again);
  again.values["val/bpb"] = 1.25;
  second.write(again);
  second.write({6, 12, 24, 40, {{"train/loss", 1}}});
  std::vector<std::pair<double, double>> found;  // step, seconds
  for (const auto& row : rows_in(dir.path())) found.emplace_back(row["step"], row["seconds"]);
  CHECK(found == std::vector<std::pair<double, double>>{{5, 29}, {5, 30}, {5, 31}, {6, 40}});
}

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
