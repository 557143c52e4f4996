// libespalier_cuda.so: all CUDA code of the host. Built where nvcc is found, loaded on demand (core/device/device.cpp).
#include <c10/cuda/CUDACachingAllocator.h>
#include <cuda_runtime_api.h>

#include <array>
#include <string>

#include "core/device/cuda_api.h"

namespace {

int device_count() {
  int count = 0;
  return cudaGetDeviceCount(&count) == cudaSuccess ? count : 0;
}

const char* device_name(int device) {
  static std::array<std::string, 64> names;
  if (device < 0 || device >= static_cast<int>(names.size())) return "";
  cudaDeviceProp properties{};
  auto& name = names[static_cast<size_t>(device)];
  if (name.empty() && cudaGetDeviceProperties(&properties, device) == cudaSuccess) name = properties.name;
  return name.c_str();
}

bool has_bf16(int device) {
  int major = 0;
  return cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess && major >= 8;
}

int64_t max_reserved_bytes(int device) {
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(static_cast<c10::DeviceIndex>(device));
  return stats.reserved_bytes[0].peak;
}

}  // namespace

extern "C" __attribute__((visibility("default"))) bool espalier_cuda_api(espalier::CudaApi* out) {
  *out = {&device_count, &device_name, &has_bf16, &max_reserved_bytes};
  return true;
}
