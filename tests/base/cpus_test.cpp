#include "core/base/cpus.h"

#include <sched.h>

#include <cstdlib>
#include <fstream>
#include <future>

#include "catch.h"
#include "core/base/error.h"
#include "support/temp_dir.h"

using namespace espalier;
namespace fs = std::filesystem;

namespace {

// A file system of the test's own: the process's groups, and their files.
struct FakeRoot {
  TempDir dir;
  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((dir.path() / path).parent_path());
    std::ofstream(dir.path() / path) << text;
  }
  std::optional<double> cpus() const { return cgroup_cpus(dir.path()); }
};

// Sets an environment variable for a scope.
class Variable {
 public:
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* old = std::getenv(name)) old_ = old;
    if (value == nullptr) ::unsetenv(name);
    if (value != nullptr) ::setenv(name, value, 1);
  }
  ~Variable() {
    if (old_) ::setenv(name_, old_->c_str(), 1);
    if (!old_) ::unsetenv(name_);
  }

 private:
  const char* name_;
  std::optional<std::string> old_;
};

}  // namespace

TEST_CASE("the tightest quota of the control groups above a process holds", "[base][cpus]") {
  FakeRoot root;
  CHECK(!root.cpus());
  root.write("proc/self/cgroup", "0::/user.slice/job\n");
  CHECK(!root.cpus());
  root.write("sys/fs/cgroup/user.slice/job/cpu.max", "max 100000\n");
  CHECK(!root.cpus());
  root.write("sys/fs/cgroup/user.slice/job/cpu.max", "350000 100000\n");
  CHECK(root.cpus() == 3.5);
  root.write("sys/fs/cgroup/user.slice/cpu.max", "50000 100000\n");
  CHECK(root.cpus() == 0.5);
}

TEST_CASE("a container that knows only the host's name of its group finds the quota at the mount", "[base][cpus]") {
  FakeRoot root;
  root.write("proc/self/cgroup", "0::/docker/0123456789\n");
  root.write("sys/fs/cgroup/cpu.max", "200000 100000\n");
  CHECK(root.cpus() == 2.0);
}

TEST_CASE("version 1 of control groups is read too, and -1 is no quota", "[base][cpus]") {
  FakeRoot root;
  root.write("proc/self/cgroup", "5:memory:/a\n4:cpu,cpuacct:/a/b\n1:name=systemd:/a\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
  CHECK(!root.cpus());
  root.write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "150000\n");
  root.write("sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  CHECK(root.cpus() == 1.5);
}

TEST_CASE("files of control groups that make no sense set no limit", "[base][cpus]") {
  FakeRoot root;
  root.write("proc/self/cgroup", "nonsense\n::\n0::/a\n");
  for (const char* text : {"", "0 0", "-5 100000", "100000 0", "x y", "1e999 1"}) {
    root.write("sys/fs/cgroup/a/cpu.max", text);
    INFO(text);
    CHECK(!root.cpus());
  }
}

TEST_CASE("OMP_NUM_THREADS decides, and what is no number of threads is refused by name", "[base][cpus]") {
  {
    const Variable set("OMP_NUM_THREADS", "3,2");
    CHECK(usable_cpus().threads == 3);
    CHECK(usable_cpus().source == "OMP_NUM_THREADS");
  }
  for (const char* text : {"0", "-1", "two", "4x", "1e3", "99999999999999999999"}) {
    const Variable set("OMP_NUM_THREADS", text);
    INFO(text);
    try {
      usable_cpus();
      FAIL("accepted");
    } catch (const Error& error) {
      CHECK(error.place() == "OMP_NUM_THREADS");
      CHECK(error.exit_code() == 2);
    }
  }
}

TEST_CASE("CPU affinity is a limit", "[base][cpus]") {
  const Variable unset("OMP_NUM_THREADS", nullptr);
  const int64_t before = usable_cpus().threads;
  // A thread of its own: the mask is a thread's, and must not outlive the test.
  std::async(std::launch::async, [before] {
    cpu_set_t mask;
    CPU_ZERO(&mask);
    CPU_SET(static_cast<size_t>(::sched_getcpu()), &mask);
    REQUIRE(::sched_setaffinity(0, sizeof mask, &mask) == 0);
    const CpuLimit limit = usable_cpus();
    CHECK(limit.threads == 1);
    if (before > 1) CHECK(limit.source == "CPU affinity");
  }).get();
}
