/// A pre-norm transformer block: x + attention(norm(x)), then x + mlp(norm(x)) (Dosovitskiy et al., arXiv
/// 2010.11929).
#pragma once

#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

#include "model/layers.h"
#include "model/layout.h"
#include "model/shape.h"
#include "ops/recompute.h"

namespace seqvit::model {

class Block {
 public:
  /// `mlp_tile`: tokens that the MLP takes at a time where it keeps nothing (0: a default).
  Block(int64_t index, const ModelShape& shape, const ModelLayout& layout, int64_t mlp_tile);

  /// [B, L, D] -> [B, L, D] in the master type.
  Tensor forward(const Tensor& x_BLD, const Tensor& keep_B11);
  /// How forward() takes x when it is recomputed.
  ops::TakesInput takes_input() const {
    return reads_input_again() ? ops::TakesInput::by_values : ops::TakesInput::as_tensor;
  }
  /// One group; two where tensor parallelism cuts some of the weights.
  std::vector<parallel::ParamGroup*> groups();

 private:
  const parallel::SequenceParallel& sequence_;
  const parallel::TensorParallel& tensor_;
  int64_t width_, heads_, tile_;  // heads: mine
  parallel::ParamGroup whole_;
  std::unique_ptr<parallel::ParamGroup> own_;  // what is cut; null where nothing is
  parallel::ParamGroup& cut_;
  LayerNorm norm1_;
  Linear qkv_, projection_;
  LayerNorm norm2_;
  Linear fc1_, fc2_;

  parallel::Slice my_heads(int64_t dim, int64_t blocks, const ModelShape& shape) const;
  parallel::Slice my_channels(int64_t dim, const ModelShape& shape) const;
  std::vector<Tensor> project(const Tensor& x_BLD) const;
  /// Whether norm and projection are one operation, which in backward takes the block's input from where it
  /// is kept.
  bool reads_input_again() const { return tensor_.is_alone() && !sequence_.gathers_context(); }
  Tensor attention(const Tensor& x_BLD) const;
  Tensor add_branch(const Tensor& x_BLD, const Tensor& u_BLK, const Linear& last,
                    const Tensor& keep_B11) const;
  Tensor add_parts(const Tensor& x_BLD, const Tensor& part_BLD, const Linear& last, const Tensor& keep_B11,
                   bool unread = false) const;
  Tensor mlp(const Tensor& x_BLD, const Tensor& keep_B11) const;
};

}  // namespace seqvit::model
