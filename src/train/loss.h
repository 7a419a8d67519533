/// Mean squared error over valid points, weighted by the area of their cells.
///
/// loss = sum of w (p - t)^2 over my valid points / sum of w over everyone's valid points of the whole step.
/// The denominator is global and known before the first backward, so losses and gradients of ranks and
/// micro-batches simply add up.
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
               at::ScalarType type);

  /// My part of the denominator: target [..., T, Y, X] is NaN where it is missing.
  double weight_of(const Tensor& target) const;
  /// My part of the loss, differentiable in prediction. `total_weight`: the denominator of the whole step.
  Tensor operator()(const Tensor& prediction, const Tensor& target, double total_weight) const;

 private:
  Tensor owned_;    // [T, Y, X]
  Tensor weights_;  // [T, Y, 1 or X]

  Tensor weights_of(const Tensor& target) const;
};

}  // namespace seqvit::train
