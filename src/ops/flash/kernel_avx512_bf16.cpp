#include "ops/flash/element_bf16.h"
#include "ops/flash/instances.h"
#include "ops/flash/passes.h"

namespace seqvit::ops::flash {

const Kernel& bf16_avx512_bf16_kernel(int64_t head_dim) {
  return kernel_for<VectorPasses<Bf16>>(head_dim);
}

}  // namespace seqvit::ops::flash
