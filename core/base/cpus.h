// How many CPU threads this process may use: what the user or the system grants, not what the machine has.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace espalier {

struct CpuLimit {
  int64_t threads = 1;
  std::string source;  // what decided: "OMP_NUM_THREADS", "CPU affinity", "cgroup quota" or "all cores"
};

// OMP_NUM_THREADS where it is set; else the smallest of the machine's cores, the CPU affinity mask and the quotas of
// the process's control groups (rounded up). Throws Error(config) where OMP_NUM_THREADS is no number of threads.
CpuLimit usable_cpus();

// The tightest CPU quota of the control groups (versions 2 and 1) that the process is in and of those above them, in
// CPUs; nothing where there is none. `root` stands for "/", so that tests can lay out their own.
std::optional<double> cgroup_cpus(const std::filesystem::path& root = "/");

}  // namespace espalier
