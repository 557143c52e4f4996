// Where a run computes. The CUDA part is its own shared library, loaded only when a GPU is asked for and present, so a
// CPU machine needs no CUDA library at all.
#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>

namespace espalier {

struct DeviceInfo {
  c10::Device device = c10::Device(c10::kCPU);
  std::string name;            // "AMD EPYC 7B13", "NVIDIA H200"
  int64_t threads = 1;         // CPU threads in use
  std::string threads_source;  // what decided that number: "training.threads", "OMP_NUM_THREADS", "cgroup quota", ...
  bool fast_bf16 = false;      // has bf16 instructions: any CUDA GPU, CPUs with AVX512-BF16 (AMX machines have it too)
  double peak_flops = 0;       // dense bf16 FLOP/s by the vendor's data sheet; 0 = not known, MFU prints n/a
};

// wanted: "auto" | "cpu" | "cuda". Sets the number of CPU threads (0 = as many as usable_cpus() grants). Throws
// Error(config) when cuda is asked for but there is no CUDA library or no GPU.
DeviceInfo open_device(const std::string& wanted, int64_t threads);

// Dense bf16 peak of a GPU by its name (vendor data sheets), 0 when unknown.
double bf16_peak_flops(const std::string& gpu_name);

// Largest resident set of this process so far, or bytes reserved on the GPU.
int64_t max_memory_bytes(const DeviceInfo& info);

}  // namespace espalier
