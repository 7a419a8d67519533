/// A pre-norm transformer block: x + attention(norm(x)), then x + mlp(norm(x)) (Dosovitskiy et al., arXiv
/// 2010.11929).
#pragma once

#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

#include "model/layers.h"
#include "model/layout.h"
#include "model/shape.h"

namespace seqvit {

class Block {
 public:
  /// `mlp_tile`: tokens that the MLP takes at a time where it keeps nothing (0: a default).
  Block(int64_t index, const ModelShape& shape, const ModelLayout& layout, int64_t mlp_tile);

  /// [B, L, D] -> [B, L, D] in the master type.
  Tensor forward(const Tensor& x_BLD, const Tensor& keep_B11);
  /// One group; two where tensor parallelism cuts some of the weights.
  std::vector<ParamGroup*> groups();

 private:
  const SequenceParallel& sequence_;
  const TensorParallel& tensor_;
  int64_t width_, heads_, tile_;  // heads: mine
  ParamGroup whole_;
  std::unique_ptr<ParamGroup> own_;  // what is cut; null where nothing is
  ParamGroup& cut_;
  LayerNorm norm1_;
  Linear qkv_, projection_;
  LayerNorm norm2_;
  Linear fc1_, fc2_;

  Slice my_heads(int64_t dim, int64_t blocks, const ModelShape& shape) const;
  Slice my_channels(int64_t dim, const ModelShape& shape) const;
  std::vector<Tensor> project(const Tensor& x_BLD) const;
  Tensor attention(const Tensor& x_BLD) const;
  Tensor mlp(const Tensor& x_BLD, const Tensor& keep_B11) const;
};

}  // namespace seqvit
