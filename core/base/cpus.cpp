#include "core/base/cpus.h"

#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <string_view>
#include <thread>
#include <vector>

#include "core/base/error.h"

namespace espalier {
namespace {

namespace fs = std::filesystem;

constexpr int64_t kMaxThreads = 4096;

std::optional<double> quota(double microseconds, double period) {
  if (!(microseconds > 0) || !(period > 0)) return std::nullopt;  // "max", or -1 in version 1: no quota
  return microseconds / period;
}

// cpu.max: "200000 100000", or "max 100000".
std::optional<double> quota_v2(const fs::path& folder) {
  std::ifstream file(folder / "cpu.max");
  double microseconds = 0, period = 0;
  return file >> microseconds >> period ? quota(microseconds, period) : std::nullopt;
}

std::optional<double> quota_v1(const fs::path& folder) {
  std::ifstream quota_file(folder / "cpu.cfs_quota_us"), period_file(folder / "cpu.cfs_period_us");
  double microseconds = 0, period = 0;
  return quota_file >> microseconds && period_file >> period ? quota(microseconds, period) : std::nullopt;
}

// Every group from the process's own up to the mount: each may have a quota, and the tightest holds. A container sees
// its own group as the mount, and then the path, which the host knows, leads nowhere.
void take_tightest(const fs::path& mount, const std::string& group, std::optional<double> (*read)(const fs::path&),
                   std::optional<double>& tightest) {
  for (fs::path path = fs::path(group).relative_path();; path = path.parent_path()) {
    if (const auto found = read(mount / path); found && (!tightest || *found < *tightest)) tightest = found;
    if (path.empty()) return;
  }
}

std::optional<int64_t> openmp_threads() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  if (text == nullptr || *text == '\0') return std::nullopt;
  // A list gives nested levels; the first is the outermost.
  const std::string_view all(text), first = all.substr(0, all.find(','));
  int64_t value = 0;
  const auto [end, error] = std::from_chars(first.data(), first.data() + first.size(), value);
  if (error != std::errc() || end != first.data() + first.size() || value < 1 || value > kMaxThreads)
    throw Error(ErrorCode::config, fmt::format("\"{}\" is not a number of threads", all), "OMP_NUM_THREADS",
                fmt::format("give a number from 1 to {}, or unset it", kMaxThreads));
  return value;
}

int64_t affinity_cpus() {
  for (int cpus = 1024; cpus <= (1 << 20);
       cpus *= 2) {  // a larger machine answers EINVAL until the set is large enough
    cpu_set_t* set = CPU_ALLOC(static_cast<size_t>(cpus));
    const size_t size = CPU_ALLOC_SIZE(static_cast<size_t>(cpus));
    const int64_t count = ::sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (count > 0) return count;
  }
  return std::max<int64_t>(1, std::thread::hardware_concurrency());
}

}  // namespace

std::optional<double> cgroup_cpus(const fs::path& root) {
  std::optional<double> tightest;
  std::ifstream groups(root / "proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "0::/user.slice", "4:cpu,cpuacct:/docker/1234"
    const size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1), group = line.substr(second + 1);
    if (controllers.empty()) take_tightest(root / "sys/fs/cgroup", group, quota_v2, tightest);
    if (("," + controllers + ",").find(",cpu,") != std::string::npos)
      for (const char* mount : {"sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct"})
        take_tightest(root / mount, group, quota_v1, tightest);
  }
  return tightest;
}

CpuLimit usable_cpus() {
  if (const auto threads = openmp_threads()) return {*threads, "OMP_NUM_THREADS"};
  const auto cores = std::max<int64_t>(1, ::sysconf(_SC_NPROCESSORS_ONLN));
  CpuLimit limit{cores, "all cores"};
  if (const int64_t allowed = affinity_cpus(); allowed < limit.threads) limit = {allowed, "CPU affinity"};
  if (const auto granted = cgroup_cpus()) {
    const auto whole = std::max<int64_t>(1, static_cast<int64_t>(std::ceil(*granted)));
    if (whole < limit.threads) limit = {whole, "cgroup quota"};
  }
  return limit;
}

}  // namespace espalier
