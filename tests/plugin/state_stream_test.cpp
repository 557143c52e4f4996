#include "core/plugin/state_stream.h"

#include "catch.h"
#include "core/base/rng.h"
#include "tests/plugin/support.h"

using Catch::Contains;
using espalier::ErrorCode;
using espalier::plugin::StateReader;
using espalier::plugin::StateWriter;
using espalier::test::error_of;

namespace {

std::string write(uint32_t version, const std::string& payload, int* calls = nullptr) {
  StateWriter writer(version);
  const esp_out out = writer.stream();
  for (size_t at = 0; at < payload.size();) {
    const int64_t moved = out.write(out.ctx, payload.data() + at, payload.size() - at);
    REQUIRE(moved > 0);
    at += static_cast<size_t>(moved);
    if (calls != nullptr) ++*calls;
  }
  return writer.finish();
}

std::string read(const std::string& bytes, uint32_t newest) {
  StateReader reader(bytes, newest, "x");
  const esp_in in = reader.stream();
  std::string out;
  char buffer[1000];
  for (int64_t moved = in.read(in.ctx, buffer, sizeof(buffer)); moved != 0;
       moved = in.read(in.ctx, buffer, sizeof(buffer))) {
    REQUIRE(moved > 0);
    out.append(buffer, static_cast<size_t>(moved));
  }
  return out;
}

}  // namespace

TEST_CASE("state goes through the streams unchanged, in pieces", "[plugin][state]") {
  const espalier::Rng rng(1, "state");
  for (const size_t size : {1, 4, 5, 6, 100, 4096, 100000}) {
    std::string payload;
    for (size_t i = 0; i < size; ++i) payload += static_cast<char>(rng.below(256, i));
    int calls = 0;
    CHECK(read(write(3, payload, &calls), 3) == payload);
    if (size > 5) CHECK(calls > 1);
    CHECK(calls < 40);
  }
  CHECK(write(3, "").empty());
  CHECK(read("", 3).empty());
}

TEST_CASE("the state remembers its version", "[plugin][state]") {
  const std::string bytes = write(2, "abc");
  CHECK(StateReader(bytes, 5, "x").state_version() == 2);
  const auto newer = error_of([&] { StateReader(bytes, 1, "x"); });
  CHECK(newer.code() == ErrorCode::plugin);
  CHECK_THAT(newer.message(), Contains("version 2, this plugin knows up to 1"));
}

TEST_CASE("damaged state is refused", "[plugin][state]") {
  const std::string bytes = write(2, "abcdef");
  for (size_t size = 1; size < bytes.size(); ++size)
    CHECK(error_of([&] { StateReader(bytes.substr(0, size), 2, "x"); }).code() == ErrorCode::checkpoint);
  CHECK(error_of([&] { StateReader(bytes + "x", 2, "x"); }).code() == ErrorCode::checkpoint);
  CHECK(error_of([&] { StateReader("x" + bytes, 2, "x"); }).code() == ErrorCode::checkpoint);
}

TEST_CASE("a null pointer ends the stream with an error", "[plugin][state]") {
  StateWriter writer(0);
  const esp_out out = writer.stream();
  CHECK(out.write(out.ctx, nullptr, 4) < 0);
  CHECK(out.write(nullptr, "abcd", 4) < 0);
  CHECK(out.write(out.ctx, nullptr, 0) == 0);
}
