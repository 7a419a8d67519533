/// What the processor can do, and the kernels' absence on other architectures. Compiled for any processor.
#include "core/error.h"
#include "ops/flash/kernel.h"

namespace seqvit::flash {

#if defined(__x86_64__)

bool has_fp32_instructions() {
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("fma");
}
bool has_bf16_instructions() {
  return has_fp32_instructions() && __builtin_cpu_supports("avx512bf16");
}

#else

bool has_fp32_instructions() {
  return false;
}
bool has_bf16_instructions() {
  return false;
}
const Kernel& fp32_kernel(int64_t) {
  fail(Exit::bug, "no attention kernel for this processor");
}
const Kernel& bf16_kernel(int64_t) {
  fail(Exit::bug, "no attention kernel for this processor");
}

#endif

}  // namespace seqvit::flash
