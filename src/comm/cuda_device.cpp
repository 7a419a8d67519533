// Programs built with SEQVIT_CUDA or SEQVIT_HIP.
#include <cstdlib>
#include <dlfcn.h>
#include <set>

#include <ATen/ops/full.h>

#include "comm/device.h"
#include "comm/device_comm.h"
#include "comm/gpu_runtime.h"
#include "comm/nccl_comm.h"
#include "core/error.h"
#include "core/log.h"

namespace seqvit::comm {
namespace {

/// Number of this process among those on its machine.
int local_rank() {
  for (const char* name :
       {"OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "PMI_LOCAL_RANK", "SLURM_LOCALID"}) {
    if (const char* value = std::getenv(name)) return std::atoi(value);
  }
  return 0;
}

void require(cudaError_t status) {
  if (status != cudaSuccess) fail(Exit::usage, "parallel.device: cuda: {}", cudaGetErrorString(status));
}

/// What tells one GPU from all others of the job, made of its UUID.
int64_t gpu_identity(int device) {
  cudaDeviceProp properties{};
  require(cudaGetDeviceProperties(&properties, device));
  uint64_t identity = 0;
  for (const char byte : properties.uuid.bytes)
    identity = identity * 31 + static_cast<unsigned char>(byte);
  return static_cast<int64_t>(identity);
}

}  // namespace

c10::Device open_device(DeviceKind kind) {
  if (kind == DeviceKind::cpu) return c10::kCPU;
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    fail(Exit::usage, "parallel.device: cuda: no GPU that can be used is here ({}); set parallel.device: cpu",
         status == cudaSuccess ? "none found" : cudaGetErrorString(status));
  }
  // Brings the GPU's operators; the path is that of the libtorch this program was built with.
  if (::dlopen(SEQVIT_TORCH_GPU_LIBRARY, RTLD_NOW | RTLD_GLOBAL) == nullptr) {
    fail(Exit::usage,
         "parallel.device: cuda: libtorch's GPU library does not load ({}); install the wheel with its CUDA "
         "packages",
         ::dlerror());
  }
  const int device = local_rank() % count;
  require(cudaSetDevice(device));
  return {c10::kCUDA, static_cast<c10::DeviceIndex>(device)};
}

int64_t device_peak_bytes(c10::Device device) {
  if (device.is_cpu()) return 0;
  using c10::CachingAllocator::StatType;
  const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device.index());
  return stats.allocated_bytes[static_cast<size_t>(StatType::AGGREGATE)].peak;
}

std::unique_ptr<Comm> make_device_comm(Comm& host, c10::Device device) {
  // NCCL wants a GPU of its own for each rank.
  const Tensor all = host.all_gather(at::full({1}, gpu_identity(device.index()), at::kLong),
                                     Counts(host.size(), 1), "devices")
                         .wait();
  const std::set<int64_t> gpus(all.const_data_ptr<int64_t>(), all.const_data_ptr<int64_t>() + all.numel());
  const bool shared = static_cast<int>(gpus.size()) < host.size();
  if (shared) {
    log_info("several ranks share a GPU: messages go through host memory instead of NCCL");
    return make_device_comm(host, MakeDirect());
  }
  return make_device_comm(host, [device](Comm& ranks) { return make_nccl_comm(ranks, device); });
}

}  // namespace seqvit::comm
