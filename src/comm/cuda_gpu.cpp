// Programs built with SEQVIT_CUDA or SEQVIT_HIP.
#include <cstdlib>
#include <dlfcn.h>

#include "comm/cuda_runtime.h"
#include "comm/gpu.h"
#include "core/error.h"

namespace seqvit::comm {
namespace {

void require(cudaError_t status) {
  if (status != cudaSuccess) fail(Exit::usage, "parallel.device: cuda: {}", cudaGetErrorString(status));
}

/// What CUDA reads at its first call, unless the user says otherwise.
void set_environment() {
  // A kernel that is loaded at its first use waits for the GPU to be idle, which it never is while one of
  // NCCL's waits there for a peer that this rank has yet to reach.
  ::setenv("CUDA_MODULE_LOADING", "EAGER", /*overwrite=*/0);
  // As many queues to the GPU as libtorch has streams: with the usual 8, streams of messages share theirs
  // with those that compute and run behind them.
  ::setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", /*overwrite=*/0);
}

}  // namespace

int gpu_count() {
  set_environment();
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    fail(Exit::usage, "parallel.device: cuda: no GPU that can be used is here ({}); set parallel.device: cpu",
         status == cudaSuccess ? "none found" : cudaGetErrorString(status));
  }
  return count;
}

c10::Device open_gpu(int index) {
  // Brings the GPU's operators; the path is that of the libtorch this program was built with.
  if (::dlopen(SEQVIT_TORCH_GPU_LIBRARY, RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    fail(Exit::usage,
         "parallel.device: cuda: libtorch's GPU library does not load ({}); install the wheel with its CUDA "
         "packages",
         ::dlerror());
  }
  require(cudaSetDevice(index));
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(index)};
}

/// Made of the UUID.
int64_t gpu_identity(c10::Device gpu) {
  cudaDeviceProp properties{};
  require(cudaGetDeviceProperties(&properties, gpu.index()));
  uint64_t identity = 0;
  for (const char byte : properties.uuid.bytes)
    identity = identity * 31 + static_cast<unsigned char>(byte);
  return static_cast<int64_t>(identity);
}

int64_t gpu_peak_bytes(c10::Device gpu) {
  using c10::CachingAllocator::StatType;
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(gpu.index());
  return stats.allocated_bytes[static_cast<size_t>(StatType::AGGREGATE)].peak;
}

}  // namespace seqvit::comm
