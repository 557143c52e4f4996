// TensorBoard's event files, read back by a reader that shares no code with the writer.
#include <chrono>
#include <cmath>
#include <limits>

#include "catch.h"
#include "core/base/file.h"
#include "core/report/metrics.h"
#include "report/event_reader.h"
#include "support/temp_dir.h"

using namespace espalier;
using Catch::Contains;

namespace {

fs::path only_file(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) files.push_back(entry.path());
  REQUIRE(files.size() == 1);
  return files[0];
}

std::vector<ReadEvent> events_in(const fs::path& folder) {
  return read_event_file(read_file(only_file(folder), ErrorCode::data));
}

double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

TEST_CASE("CRC-32C has the values of RFC 3720", "[report][events]") {
  std::string rising, falling;
  for (int i = 0; i < 32; ++i) rising += static_cast<char>(i), falling += static_cast<char>(31 - i);
  // Appendix B.4, and the check value of the polynomial's catalogue entry (CRC-32/ISCSI).
  const std::vector<std::pair<std::string, uint32_t>> golden{{std::string(32, '\0'), 0x8A9136AA},
                                                             {std::string(32, '\xFF'), 0x62A8AB43},
                                                             {rising, 0x46DD794E},
                                                             {falling, 0x113FDB5C},
                                                             {"123456789", 0xE3069283},
                                                             {"", 0}};
  for (const auto& [bytes, crc] : golden) {
    CHECK(crc32c(bytes) == crc);
    CHECK(plain_crc32c(bytes) == crc);
  }
  // What TensorFlow's own event files begin with: a length of 24 and its masked checksum, a3 7f 4b 22.
  CHECK(plain_masked_crc32c(std::string("\x18\0\0\0\0\0\0\0", 8)) == 0x224B7FA3);
}

TEST_CASE("what is written is read back: steps, names and numbers, in order", "[report][events]") {
  const TempDir dir;
  const double before = now();
  EventWriter writer(dir.path() / "tb");
  writer.write({1, 100, 2e9, 0.5, {{"train/loss", 4.125}, {"train/lr", 3e-4}}});
  writer.write({300, 0, 0, 0, {{"val/bpb", -1.0 / 3}}});  // two bytes of varint
  writer.write({int64_t{1} << 40, 0, 0, 0, {{std::string(200, 'n'), 1e30}, {"a", 0}}});
  writer.write({7, 0, 0, 0, {}});
  const std::vector<ReadEvent> events = events_in(dir.path() / "tb");
  REQUIRE(events.size() == 5);
  CHECK(events[0].file_version == "brain.Event:2");
  CHECK(events[0].step == 0);
  CHECK(events[1].step == 1);
  CHECK(events[1].values == std::map<std::string, float>{{"train/loss", 4.125F}, {"train/lr", 3e-4F}});
  CHECK(events[2].step == 300);
  CHECK(events[2].values == std::map<std::string, float>{{"val/bpb", static_cast<float>(-1.0 / 3)}});
  CHECK(events[3].step == int64_t{1} << 40);
  CHECK(events[3].values == std::map<std::string, float>{{std::string(200, 'n'), 1e30F}, {"a", 0}});
  CHECK(events[4].values.empty());
  for (const ReadEvent& event : events) {
    CHECK(event.wall_time >= before);
    CHECK(event.wall_time <= now());
    CHECK(event.file_version.empty() == (&event != &events[0]));
  }
}

TEST_CASE("steps are read back as they are, at every length of a varint", "[report][events]") {
  const TempDir dir;
  EventWriter writer(dir.path());
  std::vector<int64_t> steps;
  for (int bits = 0; bits < 63; ++bits)
    for (const int64_t off : {-1, 0}) steps.push_back((int64_t{1} << bits) + off);
  for (const int64_t step : steps) writer.write({step, 0, 0, 0, {}});
  const std::vector<ReadEvent> events = events_in(dir.path());
  REQUIRE(events.size() == steps.size() + 1);
  for (size_t i = 0; i < steps.size(); ++i) CHECK(events[i + 1].step == steps[i]);
}

TEST_CASE("every event is in the file as soon as it is written", "[report][events]") {
  const TempDir dir;
  EventWriter writer(dir.path());
  for (int64_t step = 1; step < 4; ++step) {
    writer.write({step, 0, 0, 0, {{"train/loss", 1}}});
    CHECK(events_in(dir.path()).size() == static_cast<size_t>(step) + 1);
  }
}

TEST_CASE("the file has the name that TensorBoard looks for; a folder that cannot be made is named",
          "[report][events]") {
  const TempDir dir;
  const EventWriter writer(dir.path() / "a" / "tb");
  CHECK_THAT(only_file(dir.path() / "a" / "tb").filename().string(), Catch::StartsWith("events.out.tfevents."));
  write_file(dir.path() / "file", "", ErrorCode::config);
  try {
    const EventWriter refused(dir.path() / "file" / "tb");
    FAIL("opened");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::config);
    CHECK_THAT(error.place(), Contains((dir.path() / "file").string()));
  }
}

TEST_CASE("the reader notices each bit that is not as it was written", "[report][events]") {
  const TempDir dir;
  EventWriter(dir.path()).write({1, 0, 0, 0, {{"train/loss", 4}}});
  const std::string good = read_file(only_file(dir.path()), ErrorCode::data);
  for (size_t i = 0; i < good.size(); ++i)
    for (const int bit : {0, 7}) {
      std::string bad = good;
      bad[i] = static_cast<char>(bad[i] ^ 1 << bit);
      CHECK_THROWS(read_event_file(bad));
    }
}
