// Which device a run gets and what is known of it, against what the system itself says.
#include "core/device/device.h"

#include <ATen/Parallel.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <vector>

#include "catch.h"
#include "core/base/error.h"

using namespace espalier;
using Catch::Contains;

namespace {

// OMP_NUM_THREADS for the length of a test.
class Environment {
 public:
  explicit Environment(const char* value) {
    if (const char* old = std::getenv(kName)) old_ = old;
    if (value == nullptr)
      ::unsetenv(kName);
    else
      ::setenv(kName, value, 1);
  }
  ~Environment() {
    if (old_)
      ::setenv(kName, old_->c_str(), 1);
    else
      ::unsetenv(kName);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

 private:
  static constexpr const char* kName = "OMP_NUM_THREADS";
  std::optional<std::string> old_;
};

// What stands after the colon in the first such line of a file below /proc; empty without one.
std::string proc_line(const char* file, const std::string& name) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (line.compare(0, name.size(), name) == 0) {
      const size_t begin = line.find_first_not_of(" \t", line.find(':') + 1);
      return begin == std::string::npos ? "" : line.substr(begin);
    }
  return {};
}

bool has_cpu_flag(const std::string& wanted) {
  std::istringstream flags(proc_line("/proc/cpuinfo", "flags"));
  for (std::string flag; flags >> flag;)
    if (flag == wanted) return true;
  return false;
}

bool has_gpu() {
  return std::filesystem::exists("/dev/nvidia0");
}

}  // namespace

TEST_CASE("the CPU by name: what the system says of it", "[device]") {
  const DeviceInfo info = open_device("cpu", 1);
  CHECK(info.device.is_cpu());
  const std::string name = proc_line("/proc/cpuinfo", "model name");
  CHECK(info.name == (name.empty() ? "CPU" : name));
  CHECK(info.fast_bf16 == has_cpu_flag("avx512_bf16"));
  CHECK(info.peak_flops == 0);  // not known: no MFU
}

TEST_CASE("threads are those that were asked for, else those that are granted, and it is said by whom", "[device]") {
  const Environment environment("3");
  DeviceInfo info = open_device("cpu", 2);
  CHECK(info.threads == 2);
  CHECK(info.threads_source == "training.threads");
  CHECK(at::get_num_threads() == 2);
  info = open_device("cpu", 0);
  CHECK(info.threads == 3);
  CHECK(info.threads_source == "OMP_NUM_THREADS");
  CHECK(at::get_num_threads() == 3);
  open_device("cpu", 1);
  CHECK(at::get_num_threads() == 1);
}

TEST_CASE("a number of threads that is none is refused where it was set", "[device]") {
  for (const char* value : {"many", "0", "-2", "2x"}) {
    const Environment environment(value);
    try {
      open_device("cpu", 0);
      FAIL("accepted " << value);
    } catch (const Error& error) {
      CHECK(error.code() == ErrorCode::config);
      CHECK(error.place() == "OMP_NUM_THREADS");
      CHECK_THAT(error.message(), Contains(value));
    }
    CHECK(open_device("cpu", 1).threads == 1);  // not looked at where the run says it
  }
}

TEST_CASE("without a GPU \"cuda\" is refused by its key and \"auto\" is the CPU", "[device]") {
  if (has_gpu()) {
    WARN("there is a GPU: not tested here");
    return;
  }
  CHECK(open_device("auto", 1).device.is_cpu());
  try {
    open_device("cuda", 1);
    FAIL("accepted");
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::config);
    CHECK(error.place() == "training.device");
    CHECK_THAT(error.message(), Contains("\"cuda\" cannot be used"));
    CHECK_THAT(error.hint(), Contains("./dev setup --cuda") && Contains("\"cpu\""));
  }
}

TEST_CASE("the peak of a GPU is found by the part of its name that tells most", "[device]") {
  // NVIDIA's data sheets, bf16 with tensor cores, dense: half of the figures "with sparsity".
  CHECK(bf16_peak_flops("NVIDIA H200") == 989e12);
  CHECK(bf16_peak_flops("NVIDIA H100 80GB HBM3") == 989e12);
  CHECK(bf16_peak_flops("NVIDIA H100 PCIe") == 756e12);
  CHECK(bf16_peak_flops("NVIDIA A100-SXM4-80GB") == 312e12);
  CHECK(bf16_peak_flops("NVIDIA L4") == 121e12);
  CHECK(bf16_peak_flops("NVIDIA L40S") == 362e12);  // not that of an L4
  CHECK(bf16_peak_flops("NVIDIA A10G") == 70e12);   // not that of an A10
  CHECK(bf16_peak_flops("NVIDIA A10") == 125e12);
  CHECK(bf16_peak_flops("Tesla V100-SXM2-16GB") == 0);  // has no bf16
  CHECK(bf16_peak_flops("a GPU of tomorrow") == 0);
  CHECK(bf16_peak_flops("") == 0);
}

TEST_CASE("the memory of a process on the CPU is its largest resident set", "[device]") {
  const DeviceInfo info = open_device("cpu", 1);
  const auto from_system = [] { return std::stoll(proc_line("/proc/self/status", "VmHWM")) * 1024; };
  const int64_t before = max_memory_bytes(info);
  {
    std::vector<char> pages(64 << 20, 1);
    CHECK(pages[12345678] == 1);
  }
  const int64_t after = max_memory_bytes(info);
  CHECK(after - before > 32 << 20);
  CHECK(std::abs(static_cast<double>(after - from_system())) < 4 << 20);  // the kernel counts pages in batches
}
