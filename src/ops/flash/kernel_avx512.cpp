#include "ops/flash/element_fp32.h"
#include "ops/flash/instances.h"
#include "ops/flash/passes.h"

namespace seqvit::ops::flash {

const Kernel& fp32_avx512_kernel(int64_t head_dim) {
  return kernel_for<VectorPasses<Fp32>>(head_dim);
}
const Kernel& bf16_avx512_kernel(int64_t head_dim) {
  return kernel_for<VectorPasses<WidenedBf16>>(head_dim);
}

}  // namespace seqvit::ops::flash
