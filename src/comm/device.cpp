#include "comm/device.h"

#include <map>
#include <vector>

#include <ATen/ops/full.h>

#include "comm/call.h"
#include "comm/device_comm.h"
#include "comm/gpu.h"
#include "comm/phantom.h"
#include "comm/processes.h"
#include "core/error.h"
#include "core/log.h"

namespace seqvit::comm {
namespace {

/// Of ranks that have one GPU, the first two or more; empty where each has its own.
std::vector<int> ranks_of_one_gpu(Comm& host, c10::Device device) {
  const Tensor all =
      host.all_gather(at::full({1}, gpu_identity(device), at::kLong), Counts(host.size(), 1), "devices")
          .wait();
  std::map<int64_t, std::vector<int>> ranks;
  for (int r = 0; r < host.size(); ++r)
    ranks[all.const_data_ptr<int64_t>()[r]].push_back(r);
  for (const auto& [gpu, of_gpu] : ranks) {
    if (of_gpu.size() > 1) return of_gpu;
  }
  return {};
}

}  // namespace

c10::Device open_device(DeviceKind kind, Comm& world) {
  if (kind == DeviceKind::cpu) return c10::kCPU;
  const int count = gpu_count();
  return open_gpu(rank_on_machine(world) % count);
}

int64_t device_peak_bytes(c10::Device device) {
  return device.is_cpu() ? 0 : gpu_peak_bytes(device);
}

std::unique_ptr<Comm> make_device_comm(Comm& host, c10::Device device, bool share) {
  if (host.is_phantom())
    return make_device_comm(host, [](Comm& ranks) { return make_phantom_comm(ranks.size(), ranks.rank()); });
  const std::vector<int> sharers = ranks_of_one_gpu(host, device);
  if (sharers.empty())
    return make_device_comm(host, [device](Comm& ranks) { return make_gpu_comm(ranks, device); });
  if (!share) {
    fail(Exit::usage,
         "parallel.device: cuda: {} have the same GPU; start a rank a GPU (`mpirun --map-by ppr:GPUS:node`, "
         "`srun "
         "--gpus-per-task=1`), or set parallel.share_gpus: true: messages then go through host memory",
         list_ranks(sharers));
  }
  log_info("several ranks share a GPU: messages go through host memory instead of NCCL");
  return make_device_comm(host, MakeDirect());
}

}  // namespace seqvit::comm
