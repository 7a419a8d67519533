/// A pre-norm transformer block: x + attention(norm(x)), then x + mlp(norm(x)) (Dosovitskiy et al., arXiv
/// 2010.11929), before them with `model.local: depthwise` x + what is around it. How its layers are cut,
/// exchanged, fused and tiled is theirs (parallel/layers.h, parallel/peers.h).
#pragma once

#include <optional>
#include <vector>

#include "core/tensor.h"
#include "model/layout.h"
#include "model/shape.h"
#include "ops/recompute.h"
#include "parallel/depthwise.h"
#include "parallel/layers.h"

namespace seqvit::model {

class Block {
 public:
  /// `mlp_tile`: tokens that the MLP takes at a time where it keeps nothing (0: a default).
  Block(int64_t index, const ModelShape& shape, const ModelLayout& layout, int64_t mlp_tile);

  /// [B, L, D] -> [B, L, D] in the master type. `keep` [B, 1, 1] scales both branches (drop path), undefined:
  /// 1. `noise` [B, Z] conditions the norms (`model.noise_dim`), undefined where there is none.
  Tensor forward(const Tensor& x_BLD, const Tensor& keep_B11, const Tensor& noise_BZ = {});
  /// How forward() takes x when it is recomputed.
  ops::TakesInput takes_input() const {
    return (local_ ? local_->takes_values() : qkv_.is_fused()) ? ops::TakesInput::by_values
                                                               : ops::TakesInput::as_tensor;
  }
  std::vector<parallel::ParamGroup*> groups() { return params_.groups(); }

 private:
  const parallel::Peers& peers_;
  parallel::BlockParams params_;
  std::optional<parallel::Depthwise> local_;
  std::optional<parallel::NoiseMap> noise_;
  parallel::Projection qkv_;
  parallel::ResidualLinear out_;
  parallel::Mlp mlp_;
};

}  // namespace seqvit::model
