// A library runs from a copy of its own: nobody's writing and nobody's names reach into it.
#include "core/plugin/library_image.h"

#include "core/plugin/isolated_difficulty.h"

#include <sys/stat.h>

#include <fstream>

#include "catch.h"
#include "core/base/file.h"
#include "core/plugin/schedule_adapter.h"
#include "tests/plugin/support.h"

using Catch::Contains;
using espalier::Error;
using espalier::ErrorCode;
using espalier::Progress;
using namespace espalier::plugin;
using namespace espalier::test;

namespace {

const PluginSetup kSetup{.seed = 7, .run = {.total_steps = 1000}};

Progress start() {
  Progress progress;
  progress.total_steps = 1000;
  progress.num_stages = 1;
  progress.lr_peak = 2e-3;
  return progress;
}

}  // namespace

TEST_CASE("a library that is overwritten while it runs goes on as it was", "[plugin][image]") {
  const TempDir dir;
  const fs::path path = dir.path() / "counter.so";
  fs::copy_file(kFixtures / "counter.so", path);
  Registry registry(options_for({path.string()}));
  const auto made = make_schedule(registry, choose("counter", {{"rate", value(1.0)}}), kSetup, {"lr"}, start());
  CHECK(made.identity.sha256 == espalier::sha256_file(path, ErrorCode::plugin));
  // In place, as `cp` and linkers write: the same inode, first empty, then other code.
  const std::string noise(fs::file_size(path), '\xCC');
  std::ofstream(path, std::ios::trunc) << noise;
  CHECK(made.schedule->value(start()) == 2e-3);
  made.schedule->observe(start(), {"train/loss"}, {3.0});
  CHECK(made.schedule->value(start()) == 1e-3);
  CHECK_FALSE(made.schedule->save_state().empty());
  // A second object of the run comes from what was loaded.
  const auto second = make_schedule(registry, choose("counter", {{"rate", value(1.0)}}), kSetup, {"lr"}, start());
  CHECK(second.schedule->value(start()) == 2e-3);
  CHECK(second.identity.sha256 == made.identity.sha256);
}

TEST_CASE("a scorer in its own process does so too", "[plugin][image]") {
  const TempDir dir;
  const fs::path path = dir.path() / "trips.so";
  fs::copy_file(kFixtures / "trips.so", path);
  Registry registry(options_for({path.string()}));
  const auto made = make_isolated_difficulty(registry, choose("trips"), kSetup, std::chrono::minutes(1));
  const std::vector<uint64_t> ids{1};
  const std::vector<int64_t> ends{0, 4}, no_tokens{0, 0};
  const std::string text = "good";
  const espalier::DocBatch docs{ids, ends, no_tokens, text, {}};
  std::ofstream(path, std::ios::trunc) << "gone";
  made.scorer->fit_batch(docs);
  made.scorer->fit_end();
  CHECK(made.scorer->score(docs).size() == 1);
}

TEST_CASE("two libraries whose names are the same keep what is theirs", "[plugin][image]") {
  Registry registry(options_for({(kSame / "same_1.so").string(), (kSame / "same_2.so").string()}));
  const auto one = make_schedule(registry, choose("same1"), kSetup, {"lr"}, start());
  const auto two = make_schedule(registry, choose("same2"), kSetup, {"lr"}, start());
  CHECK(one.identity.id == "org.example.test.same1");
  CHECK(two.identity.id == "org.example.test.same2");
  CHECK(one.schedule->value(start()) == Approx(1.001));
  CHECK(two.schedule->value(start()) == Approx(2.001));
  CHECK(one.schedule->value(start()) == Approx(1.002));
  CHECK(two.schedule->value(start()) == Approx(2.002));
}

TEST_CASE("what cannot be kept apart is refused with the name and the way out", "[plugin][image]") {
  const Error error = error_of([] { PluginLibrary::open(kSame / "same_beside.so"); });
  CHECK(error.code() == ErrorCode::plugin);
  CHECK_THAT(error.message(), Contains("with every other library that defines it") && Contains("$ORIGIN"));
  CHECK_THAT(error.hint(), Contains("-fno-gnu-unique"));
}

TEST_CASE("one file opened twice is two libraries, each by its own name", "[plugin][image]") {
  const auto a = PluginLibrary::open(kFixtures / "counter.so"), b = PluginLibrary::open(kFixtures / "counter.so");
  CHECK(a->loaded_as() != b->loaded_as());
  CHECK(espalier::sha256_file(a->loaded_as(), ErrorCode::plugin) == a->sha256());  // nothing to isolate: the same bytes
  CHECK(a->path() == kFixtures / "counter.so");
}

TEST_CASE("what is no regular file is refused and never waited for", "[plugin][image]") {
  const TempDir dir;
  const fs::path fifo = dir.path() / "fifo.so";
  REQUIRE(::mkfifo(fifo.c_str(), 0600) == 0);
  CHECK_THAT(error_of([&] { LibraryImage::read(fifo); }).message(), Contains("no regular file"));
  CHECK_THAT(error_of([&] { LibraryImage::read("/dev/zero"); }).message(), Contains("no regular file"));
  CHECK_THAT(error_of([&] { LibraryImage::read(dir.path()); }).message(), Contains("is a folder"));
  CHECK_THAT(error_of([&] { LibraryImage::read(dir.path() / "absent.so"); }).message(), Contains("No such file"));
  std::ofstream(dir.path() / "empty.so");
  const Registry registry(options_for({dir.path().string()}));
  REQUIRE(registry.list().size() == 2);
  CHECK_THAT(registry.list()[0].status, Contains("it is empty"));
  CHECK_THAT(registry.list()[1].status, Contains("no regular file"));
}

TEST_CASE("the loader's words name the file and not our copy", "[plugin][image]") {
  const TempDir dir;
  // A library that needs another one which is not there.
  const fs::path path = dir.path() / "needy.so";
  std::string bytes = espalier::read_file(named("mine"), ErrorCode::plugin);
  const size_t at = bytes.find("libc.so.6");
  REQUIRE(at != std::string::npos);
  bytes.replace(at, 9, "libz.so.x");
  std::ofstream(path) << bytes;
  const Error error = error_of([&] { PluginLibrary::open(path); });
  CHECK_THAT(error.message(), Contains("cannot be loaded") && Contains("libz.so.x") && !Contains("/proc/"));
  CHECK(error.place() == path.string());
}
