/// A pre-norm transformer block: x + attention(norm(x)), then x + mlp(norm(x)) (Dosovitskiy et al., arXiv
/// 2010.11929).
#pragma once

#include <ATen/core/Tensor.h>

#include "model/layers.h"
#include "model/shape.h"
#include "parallel/sequence_parallel.h"

namespace seqvit {

class Block {
 public:
  /// `mlp_tile`: tokens that the MLP takes at a time where it keeps nothing (0: a default).
  Block(int64_t index, const ModelShape& shape, const SequenceParallel& sequence, const Sharding& sharding,
        int64_t mlp_tile);

  /// [B, L, D] -> [B, L, D] in the master type. Reads weights: call between params().gather() and its end.
  Tensor forward(const Tensor& x_BLD, const Tensor& keep_B11) const;
  ParamGroup& params() { return params_; }

 private:
  int64_t width_, heads_, tile_;
  const SequenceParallel& sequence_;
  ParamGroup params_;
  LayerNorm norm1_;
  Linear qkv_, projection_;
  LayerNorm norm2_;
  Linear fc1_, fc2_;

  Tensor attention(const Tensor& x_BLD) const;
  Tensor mlp(const Tensor& x_BLD, const Tensor& keep_B11) const;
};

}  // namespace seqvit
