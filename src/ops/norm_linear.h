/// W norm(x) + b in tiles of tokens: the start of a block (queries, keys and values) and the head.
///
/// Backward needs x only. The normalised tokens are made again for each tile, so neither they nor their
/// gradient ever exist for the whole sequence: that saves 2 bytes a token and channel kept and 8 on the way
/// (fp32 tokens, bf16 products), for one more pass over x. Takes x by its `values` (recompute.h).
#pragma once

#include "core/tensor.h"

namespace seqvit::ops {

inline constexpr double kLayerNormEpsilon = 1e-6;  ///< as in ViT

/// A norm's weight or bias (or the sum of its gradient) that holds for a sample: itself, or of [B, D] its
/// row.
inline Tensor of_sample(const Tensor& vector, int64_t sample) {
  return vector.dim() == 2 ? vector[sample] : vector;
}

/// norm_* [D], or of each sample [B, D], and bias [O] in the master type, weight [O, K D] in the compute
/// type.
struct NormLinearWeights {
  Tensor norm_weight, norm_bias, weight, bias;
};

/// x [B, L, D] in the master type -> [B, L / K, O] in the compute type. Each token is normalised; K of them
/// are then read as one vector. Differentiable in x and the weights.
Tensor norm_linear(const Tensor& x_BLD, const NormLinearWeights& weights);

}  // namespace seqvit::ops
