/// The second half of a transformer block, x + s mlp(norm(x)), in the memory of a tile of tokens.
///
/// mlp(u) = W2 gelu(W1 u + b1) + b2 with a hidden width of usually 4 D: kept for all tokens, its two hidden
/// tensors would be the largest of the block. Tokens do not meet here, so tiles are computed one after
/// another, forward and backward; gradients of weights are summed over tiles in the master type as they come.
/// Backward needs x only and computes each tile's forward again (16 L D^2 operations for hidden width 4 D).
#pragma once

#include "core/tensor.h"

namespace seqvit::ops {

/// norm_* [D], or of each sample [B, D], in the master type; fc1_weight [F, D] and fc2_weight [D, F] in the
/// compute type, biases in the master type. `mlp` uses neither norm nor fc2_bias.
struct MlpWeights {
  Tensor norm_weight, norm_bias, fc1_weight, fc1_bias, fc2_weight, fc2_bias;
};

/// x [B, L, D] in the master type -> the same. `scale` [B, 1, 1] (drop path), undefined: 1. `tile`: tokens at
/// a time, 0: 2,048. Differentiable in x and the weights. As the *last* thing of a part that runs again
/// (recomputing()) its value is not computed a second time: nothing reads it there, and it is not to be read.
Tensor mlp_residual(const Tensor& x_BLD, const Tensor& scale_B11, const MlpWeights& weights, int64_t tile);

/// mlp(u) alone, without norm, fc2_bias and residual: [B, L, D] in the compute type -> the same, in tiles.
/// This rank's part of the sum where tensor parallelism cuts the hidden channels. The same holds for its
/// value in a part that runs again.
Tensor mlp(const Tensor& u_BLD, const MlpWeights& weights, int64_t tile);

}  // namespace seqvit::ops
