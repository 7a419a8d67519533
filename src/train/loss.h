/// Mean squared error over valid points, weighted by the area of their cells; of several members the almost
/// fair CRPS in its place.
///
/// loss = sum of w (p - t)^2 over my valid points / sum of w over everyone's valid points of the whole step.
/// The denominator is global and known before the first backward, so losses and gradients of ranks and
/// micro-batches simply add up.
///
/// Of M members at a point, with alpha = 0.95 and e = (1 - alpha) / M,
///
///   1 / (M (M-1)) sum over pairs j < k of  |p_j - t| + |p_k - t| - (1 - e) |p_j - p_k|
///
/// which is alpha times the fair CRPS, unbiased in M, plus (1 - alpha) times the plain one, without which one
/// member could be anything while others match the truth; written pair by pair no term is negative (Lang et
/// al., AIFS-CRPS, arXiv 2412.15832).
#pragma once

#include <span>

#include "core/partition.h"
#include "core/tensor.h"
#include "grid/grid.h"

namespace seqvit::train {

class WeightedLoss {
 public:
  /// `owned` [T, Y, X], bool: whether this rank answers for the point; rows are those of my slab.
  /// `of_targets` [T]: weights of the targets beside those of the cells; empty: all 1. `type`: of
  /// predictions.
  WeightedLoss(const grid::Grid& grid, Range rows, const Tensor& owned, std::span<const double> of_targets,
               at::ScalarType type, int64_t members = 1);

  /// My part of the denominator: target [..., T, Y, X] is NaN where it is missing.
  double weight_of(const Tensor& target) const;
  /// My part of the loss, differentiable in prediction [B M, T, Y, X], the members of a sample side by side;
  /// target [B, T, Y, X]. `total_weight`: the denominator of the whole step.
  Tensor operator()(const Tensor& prediction, const Tensor& target, double total_weight) const;

 private:
  Tensor owned_;    // [T, Y, X]
  Tensor weights_;  // [T, Y, 1 or X]
  int64_t members_;

  Tensor weights_of(const Tensor& target) const;
};

}  // namespace seqvit::train
