// comm/gpu.h for the test devices: the rest of it, NCCL's part, is the program's own comm/nccl_comm.cpp.
#include "comm/gpu.h"

#include "core/error.h"
#include "device/memory.h"
#include "device/test_device.h"

namespace seqvit::comm {

int gpu_count() {
  return test_device::device_count();
}

c10::Device open_gpu(int index) {
  const c10::Device gpu = test_device::device(index);
  test_device::exchange_device(index);
  return gpu;
}

/// All processes of a machine see the same eight.
int64_t gpu_identity(c10::Device gpu) {
  return gpu.index();
}

int64_t gpu_peak_bytes(c10::Device gpu) {
  return test_device::peak_bytes(gpu.index());
}

}  // namespace seqvit::comm
