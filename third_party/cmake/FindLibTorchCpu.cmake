# LibTorch from the unpacked wheel, CPU part only: target LibTorch::cpu (torch_cpu + c10).
#
# The wheel's own find_package(Torch) demands a CUDA toolkit, which a CPU machine has not. The include folders go last
# (-idirafter): the wheel ships a newer fmt/, which must not hide Debian's, the one that spdlog was built with.
set(ESPALIER_TORCH_DIR ${CMAKE_SOURCE_DIR}/.deps/libtorch/torch CACHE PATH "The torch folder of the unpacked wheel")

find_library(LIBTORCH_CPU_LIBRARY torch_cpu PATHS ${ESPALIER_TORCH_DIR}/lib NO_DEFAULT_PATH)
find_library(LIBTORCH_C10_LIBRARY c10 PATHS ${ESPALIER_TORCH_DIR}/lib NO_DEFAULT_PATH)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorchCpu
  REQUIRED_VARS LIBTORCH_CPU_LIBRARY LIBTORCH_C10_LIBRARY
  REASON_FAILURE_MESSAGE "Run ./dev setup: it puts the pinned LibTorch wheel into .deps/libtorch.")

if(LibTorchCpu_FOUND AND NOT TARGET LibTorch::cpu)
  add_library(LibTorch::cpu INTERFACE IMPORTED GLOBAL)
  target_compile_options(LibTorch::cpu INTERFACE
    "SHELL:-idirafter ${ESPALIER_TORCH_DIR}/include"
    "SHELL:-idirafter ${ESPALIER_TORCH_DIR}/include/torch/csrc/api/include")
  target_link_libraries(LibTorch::cpu INTERFACE ${LIBTORCH_CPU_LIBRARY} ${LIBTORCH_C10_LIBRARY})
  # torch_cpu names libraries of the wheel's neighbours; its own rpath finds them.
  target_link_options(LibTorch::cpu INTERFACE "LINKER:-rpath,${ESPALIER_TORCH_DIR}/lib" LINKER:--no-as-needed
    LINKER:--unresolved-symbols=ignore-in-shared-libs)
endif()
