// The guard of calls into plugins, in a process of its own, as it takes over the process's signals.
#include "core/plugin/call_guard.h"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "catch.h"
#include "core/base/log.h"
#include "support/temp_dir.h"

using Catch::Contains;
using namespace espalier::plugin;
using std::chrono::milliseconds;

namespace {

constexpr auto kPatience = milliseconds(300);

std::string guarded(const std::function<void()>& body) {
  guard_calls(kPatience);
  return run_guarded("org.example.one", "value()", body);
}

// What is logged while `body` runs.
std::string logged(const std::function<void()>& body) {
  const espalier::TempDir dir;
  const auto path = dir.path() / "log";
  const int kept = ::dup(STDERR_FILENO), file = ::open(path.c_str(), O_CREAT | O_WRONLY, 0600);
  ::dup2(file, STDERR_FILENO);
  body();
  ::dup2(kept, STDERR_FILENO);
  ::close(kept), ::close(file);
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

}  // namespace

// One test case: Catch2 puts its own signal handlers back at the begin of each.
TEST_CASE("a crash and an exit become how the call ended, and one that does not return is named", "[plugin][guard]") {
  CHECK(guarded([] {}).empty());
  CHECK_FALSE(has_crashed());
  CHECK_THAT(guarded([] { std::raise(SIGFPE); }), Contains("crashed: signal 8 (SIGFPE)"));
  CHECK_THAT(guarded([] { std::abort(); }), Contains("crashed: signal 6 (SIGABRT)"));
  CHECK_THAT(guarded([] { std::exit(3); }), Contains("called exit(3)"));
  CHECK(guarded([] { CHECK_THAT(guarded([] { std::exit(4); }), Contains("called exit(4)")); }).empty());
  CHECK(has_crashed());

  const std::string text = logged([] { guarded([] { std::this_thread::sleep_for(kPatience * 3); }); });
  CHECK_THAT(text, Contains("org.example.one has been in value() for"));
  size_t lines = 0;
  for (size_t at = text.find("has been in"); at != text.npos; at = text.find("has been in", at + 1)) ++lines;
  CHECK(lines == 2);
  CHECK(logged([] { guarded([] { std::this_thread::sleep_for(kPatience / 3); }); }).empty());
}
