/// The layer of a block that knows its surroundings: each channel of a token reads the 3 x 3 tokens around it
/// (`model.local: depthwise`).
///
/// Convolutions by channel before attention are how vision transformers are given a sense of what is near
/// (CPVT, Chu et al., arXiv 2102.10882; LocalViT, Li et al., arXiv 2104.05707). Weights start at zero: a
/// block is then what it is without.
#pragma once

#include <string>

#include "core/tensor.h"
#include "parallel/layers.h"
#include "parallel/peers.h"

namespace seqvit::parallel {

class Depthwise {
 public:
  /// Weights "NAME.weight" [9, width], taps from the north-west on, and "NAME.bias" [width], zero, in the
  /// master type. Every rank of a stage uses them for its own tokens.
  Depthwise(BlockParams& params, const Peers& peers, const std::string& name, int64_t width);
  /// x + w * x + b of my tokens [B, L, D] in the master type. Others' tokens come while those are computed
  /// that need none; backward the gradients of those. Elements sent by a rank: B D tokens that others need of
  /// mine, forward and backward, and forward once more under recomputation (on a GPU backward sends as many
  /// as it was given).
  Tensor operator()(const Tensor& x_BLD) const;
  /// Reads its input by ops::values.
  bool takes_values() const { return by_kernel_; }

 private:
  const Peers& peers_;
  const Param *weight_, *bias_;
  bool by_kernel_;
};

}  // namespace seqvit::parallel
