#include "ops/flash/amx_backward.h"
#include "ops/flash/amx_forward.h"
#include "ops/flash/instances.h"

namespace seqvit::ops::flash {
namespace {

struct TilePasses {
  static constexpr int64_t kWidthStep = kDepth;
  template <int64_t kWidth>
  using ForwardPass = TileForward<kWidth>;
  template <int64_t kWidth>
  using BackwardPass = TileBackward<kWidth>;
};

}  // namespace

bool amx_granted() {
  static const bool granted = tiles_granted();
  return granted;
}

const Kernel& bf16_amx_kernel(int64_t head_dim) {
  return kernel_for<TilePasses>(head_dim);
}

}  // namespace seqvit::ops::flash
