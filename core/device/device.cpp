#include "core/device/device.h"

#include <ATen/Parallel.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <sys/resource.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "core/base/cpus.h"
#include "core/base/error.h"
#include "core/base/file.h"
#include "core/base/log.h"
#include "core/device/cuda_api.h"

namespace espalier {
namespace {

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  return "CPU";
}

// An NVIDIA GPU that the system knows of and nobody has hidden from us.
bool gpu_is_present() {
  const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
  if (visible != nullptr && (*visible == '\0' || std::string_view(visible) == "-1")) return false;
  std::error_code ignored;
  return fs::exists("/dev/nvidia0", ignored) || fs::exists("/proc/driver/nvidia/version", ignored);
}

// The CUDA library beside the executable, or the reason why it cannot be used. It stays loaded for the process's life.
struct CudaLibrary {
  CudaApi api{};
  std::string problem;
};

const CudaLibrary& cuda_library() {
  static const CudaLibrary library = [] {
    CudaLibrary out;
    std::error_code error;
    const fs::path path =
        fs::read_symlink("/proc/self/exe", error).parent_path().parent_path() / "lib" / "libespalier_cuda.so";
    void* handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (handle == nullptr) {
      out.problem = ::dlerror();
      return out;
    }
    const auto get = reinterpret_cast<bool (*)(CudaApi*)>(::dlsym(handle, "espalier_cuda_api"));
    if (get == nullptr || !get(&out.api)) out.problem = "the CUDA library is of another build";
    return out;
  }();
  return library;
}

}  // namespace

double bf16_peak_flops(const std::string& gpu_name) {
  struct Entry {
    std::string_view part;
    double peak;
  };
  // Dense, without sparsity. Longer names first: "H100 PCIe" before "H100".
  constexpr std::array<Entry, 12> kPeaks{{{"H200", 989e12},
                                          {"H100 PCIe", 756e12},
                                          {"H100", 989e12},
                                          {"B200", 2250e12},
                                          {"A100", 312e12},
                                          {"L40S", 362e12},
                                          {"L4", 121e12},
                                          {"A10G", 70e12},
                                          {"A10", 125e12},
                                          {"RTX 4090", 165e12},
                                          {"RTX 3090", 71e12},
                                          {"V100", 0.0}}};
  for (const auto& [part, peak] : kPeaks)
    if (gpu_name.find(part) != std::string::npos) return peak;
  return 0;
}

DeviceInfo open_device(const std::string& wanted, int64_t threads) {
  DeviceInfo info;
  const CpuLimit limit = threads > 0 ? CpuLimit{threads, "training.threads"} : usable_cpus();
  info.threads = limit.threads;
  info.threads_source = limit.source;
  at::set_num_threads(static_cast<int>(info.threads));
  info.name = cpu_name();
  info.fast_bf16 = __builtin_cpu_supports("avx512bf16") != 0;
  if (wanted == "cpu") return info;
  const CudaLibrary& cuda = cuda_library();
  const std::string problem = !cuda.problem.empty()          ? cuda.problem
                              : cuda.api.device_count() == 0 ? "there is no GPU"
                                                             : "";
  if (problem.empty()) {
    info.device = c10::Device(c10::kCUDA, 0);
    info.name = cuda.api.device_name(0);
    info.fast_bf16 = cuda.api.has_bf16(0);
    info.peak_flops = bf16_peak_flops(info.name);
  } else if (wanted == "cuda") {
    throw Error(ErrorCode::config, "device = \"cuda\" cannot be used: " + problem, "training.device",
                "`./dev setup --cuda` installs the libraries that a GPU needs; or use device = \"cpu\" or \"auto\"");
  } else if (gpu_is_present()) {
    log_warning(
        "there is a GPU, but it cannot be used: {}; computing on the CPU. `./dev setup --cuda` installs the "
        "libraries that a GPU needs; training.device = \"cpu\" says that the CPU is meant",
        problem);
  }
  return info;
}

int64_t max_memory_bytes(const DeviceInfo& info) {
  if (info.device.is_cuda()) return cuda_library().api.max_reserved_bytes(0);
  struct rusage usage {};
  ::getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss * 1024;
}

}  // namespace espalier
