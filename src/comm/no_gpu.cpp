// Programs built for CPUs only.
#include "comm/gpu.h"
#include "core/error.h"

namespace seqvit::comm {
namespace {

[[noreturn]] void fail_without() {
  fail(Exit::bug, "a GPU in a program without them");
}

}  // namespace

int gpu_count() {
  fail(Exit::usage,
       "parallel.device: cuda: this program was built for CPUs only; build it with `cmake --workflow "
       "--preset cuda`, or set "
       "parallel.device: cpu");
}

c10::Device open_gpu(int) {
  fail_without();
}
int64_t gpu_identity(c10::Device) {
  fail_without();
}
int64_t gpu_peak_bytes(c10::Device) {
  fail_without();
}
std::unique_ptr<Comm> make_gpu_comm(Comm&, c10::Device) {
  fail_without();
}
std::string gpu_comm_failure(c10::Device) {
  fail_without();
}
void abort_gpu_comms(c10::Device) {
  fail_without();
}

}  // namespace seqvit::comm
