/// What the processor can do, and which kernel serves it. Compiled for any processor.
#include "core/error.h"
#include "ops/flash/kernel.h"

namespace seqvit::ops::flash {

#if defined(__x86_64__)

const Kernel& fp32_avx2_kernel(int64_t head_dim);
const Kernel& bf16_avx2_kernel(int64_t head_dim);
const Kernel& fp32_avx512_kernel(int64_t head_dim);
const Kernel& bf16_avx512_kernel(int64_t head_dim);
const Kernel& bf16_avx512_bf16_kernel(int64_t head_dim);

namespace {

Instructions most = Instructions::avx512_bf16;

bool has_instructions(Instructions i) {
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  if (i == Instructions::avx2 || !avx2) return avx2;
  const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq");
  return avx512 && (i == Instructions::avx512 || __builtin_cpu_supports("avx512bf16"));
}

bool may_use(Instructions i) {
  return i <= most && has_instructions(i);
}

}  // namespace

void use_at_most(Instructions instructions) {
  most = instructions;
}

std::optional<Instructions> instructions_for(Type type) {
  if (type == Type::bf16 && may_use(Instructions::avx512_bf16)) return Instructions::avx512_bf16;
  for (const Instructions i : {Instructions::avx512, Instructions::avx2}) {
    if (may_use(i)) return i;
  }
  return std::nullopt;
}

const Kernel& kernel_for(Type type, int64_t head_dim) {
  const bool bf16 = type == Type::bf16;
  switch (instructions_for(type).value()) {
    case Instructions::avx2:
      return bf16 ? bf16_avx2_kernel(head_dim) : fp32_avx2_kernel(head_dim);
    case Instructions::avx512:
      return bf16 ? bf16_avx512_kernel(head_dim) : fp32_avx512_kernel(head_dim);
    case Instructions::avx512_bf16:
      break;
  }
  return bf16_avx512_bf16_kernel(head_dim);
}

#else

void use_at_most(Instructions) {}
std::optional<Instructions> instructions_for(Type) {
  return std::nullopt;
}
const Kernel& kernel_for(Type, int64_t) {
  fail(Exit::bug, "no attention kernel for this processor");
}

#endif

}  // namespace seqvit::ops::flash
