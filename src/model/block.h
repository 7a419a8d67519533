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
  Block(int64_t index, const ModelShape& shape, const SequenceParallel& sequence, const Sharding& sharding);

  /// [B, L, D] -> [B, L, D] in the master type. Reads weights: call between params().gather() and its end.
  Tensor forward(const Tensor& x_BLD, const Tensor& keep_B11) const;
  ParamGroup& params() { return params_; }

 private:
  int64_t width_, heads_;
  const SequenceParallel& sequence_;
  ParamGroup params_;
  LayerNorm norm1_;
  Linear qkv_, projection_;
  LayerNorm norm2_;
  Linear fc1_, fc2_;

  Tensor attention(const Tensor& u_BLD) const;
  Tensor mlp(const Tensor& u_BLD) const;
};

}  // namespace seqvit
