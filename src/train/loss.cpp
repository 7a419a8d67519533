#include "train/loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

namespace seqvit::train {

WeightedLoss::WeightedLoss(const grid::Grid& grid, Range rows, const Tensor& owned,
                           std::span<const double> of_targets, at::ScalarType type)
    : owned_(owned) {
  std::vector<double> rows_weight = grid.row_weights();
  const Tensor mine = at::from_blob(rows_weight.data(), {grid.rows()}, at::kDouble)
                          .slice(0, rows.begin, rows.end)
                          .view({1, -1, 1});
  std::vector<double> each(of_targets.begin(), of_targets.end());
  each.resize(owned.size(0), 1.0);
  weights_ = (mine * at::tensor(each, at::kDouble).view({-1, 1, 1})).to(owned.device(), type);
}

/// 0 where the target is missing (or too large for its type) or another rank answers for it.
Tensor WeightedLoss::weights_of(const Tensor& target) const {
  return at::where(at::isfinite(target).logical_and_(owned_), weights_, 0.0);
}

double WeightedLoss::weight_of(const Tensor& target) const {
  return weights_of(target).sum(at::kDouble).item<double>();
}

Tensor WeightedLoss::operator()(const Tensor& prediction, const Tensor& target, double total_weight) const {
  // A missing target must not reach the square: 0 x NaN is NaN, in the value and in the gradient.
  const Tensor error = prediction - at::nan_to_num(target, 0.0, 0.0, 0.0);
  return (error.square() * weights_of(target)).sum() / total_weight;
}

}  // namespace seqvit::train
