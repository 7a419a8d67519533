/// x + s (u W^T + b) in tiles of tokens: the end of a block's branch and its residual connection.
///
/// Neither the branch nor its gradient ever exists for the whole sequence, nor a copy of it in x's type: that
/// is 6 bytes a token and channel less on the way (fp32 tokens, bf16 products). Backward needs u only. Takes
/// x by its `values` (recompute.h).
#pragma once

#include "core/tensor.h"

namespace seqvit::ops {

/// x [B, L, D] in the master type, u [B, L, K] and weight [D, K] in the compute type, bias [D] in the master
/// type, scale [B, 1, 1] or undefined (1) -> [B, L, D] in the master type. Differentiable in all but scale.
Tensor linear_residual(const Tensor& x_BLD, const Tensor& u_BLK, const Tensor& weight, const Tensor& bias,
                       const Tensor& scale_B11);

}  // namespace seqvit::ops
