/// Points of my patches <-> windows that reach into the patches around them, of whichever rank.
///
/// When to use it: by the embedding (`model.embed_overlap`) and the head (`model.head_overlap`). A rank knows
/// the points of its own tokens only, of files as of a forecast that is fed back; points of neighbours come,
/// and sums for them go, with a halo (parallel/halo.h). So nothing depends on where the fields come from, and
/// no rank reads rows that are not its own.
#pragma once

#include "core/tensor.h"
#include "grid/partition.h"
#include "model/layout.h"
#include "ops/windows.h"

namespace seqvit::model {

class Windows {
 public:
  Windows(const grid::TokenGrid& grid, const ModelLayout& layout);

  /// Points [B, S, n F, p p] of my patches, n parts of the sequence a patch with F fields each -> windows [B,
  /// S, n F, q q]; zero for parts that are another rank's.
  Tensor read(const Tensor& points_BSFp) const;
  /// Windows [B, S, n F, q q] -> the sum of all ranks' windows at my points [B, S, n F, p p]; those of parts
  /// that are another rank's are left out, and their points zero.
  Tensor add(const Tensor& windows_BSFq) const;

 private:
  const parallel::Halo& halo_;
  ops::WindowPoints windows_;
  int64_t parts_, patches_, first_;

  Tensor mine(const Tensor& of_patches_BSFp) const;
  Tensor of_patches(const Tensor& mine_BUFp) const;
};

}  // namespace seqvit::model
