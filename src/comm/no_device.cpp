// Programs built for CPUs only.
#include "comm/device.h"
#include "core/error.h"

namespace seqvit::comm {

c10::Device open_device(DeviceKind kind) {
  if (kind == DeviceKind::cuda) {
    fail(Exit::usage,
         "parallel.device: cuda: this program was built for CPUs only; build it with `cmake --workflow "
         "--preset cuda`, or set "
         "parallel.device: cpu");
  }
  return c10::kCPU;
}

int64_t device_peak_bytes(c10::Device) {
  return 0;
}

std::unique_ptr<Comm> make_device_comm(Comm&, c10::Device) {
  fail(Exit::bug, "no communicator for devices in a program without them");
}

}  // namespace seqvit::comm
