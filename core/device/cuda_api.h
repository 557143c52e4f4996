// The few functions that the host calls in libespalier_cuda.so. Loading that library also registers LibTorch's CUDA
// backend, after which tensors move to the GPU like anywhere else.
#pragma once

#include <cstdint>

namespace espalier {

struct CudaApi {
  int (*device_count)();
  const char* (*device_name)(int device);  // valid for the process's life
  bool (*has_bf16)(int device);            // Ampere or newer
  int64_t (*max_reserved_bytes)(int device);
};

}  // namespace espalier
