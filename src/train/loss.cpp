#include "train/loss.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>
#include <ATen/ops/nan_to_num.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/where.h>

#include "grid/cell_weights.h"

namespace seqvit::train {

namespace {

constexpr double kFair = 0.95;  // alpha

/// A missing target must not reach what is differentiated: 0 x NaN is NaN, in the value and in the gradient.
Tensor without_missing(const Tensor& target) {
  return at::nan_to_num(target, 0.0, 0.0, 0.0);
}

/// [B M, T, Y, X], [B, T, Y, X] -> [B, T, Y, X].
Tensor almost_fair_crps(const Tensor& prediction, const Tensor& target, int64_t members) {
  const auto each = prediction.unflatten(0, {target.size(0), members}).unbind(1);
  std::vector<Tensor> errors;
  for (const Tensor& member : each)
    errors.push_back((member - target).abs());
  const double apart = 1.0 - (1.0 - kFair) / static_cast<double>(members);
  Tensor sum;
  for (int64_t j = 0; j < members; ++j) {
    for (int64_t k = j + 1; k < members; ++k) {
      const Tensor pair = errors[j] + errors[k] - apart * (each[j] - each[k]).abs();
      sum = sum.defined() ? sum + pair : pair;
    }
  }
  return sum / static_cast<double>(members * (members - 1));
}

}  // namespace

WeightedLoss::WeightedLoss(const grid::Grid& grid, Range rows, const Tensor& owned,
                           std::span<const double> of_targets, at::ScalarType type, int64_t members)
    : owned_(owned), members_(members) {
  const grid::CellWeights cells(grid);
  const Tensor mine = at::tensor(cells.values(), at::kDouble)
                          .view({1, grid.rows(), -1})  // one a row, or one a point
                          .slice(1, rows.begin, rows.end);
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
  const Tensor at_points = members_ > 1 ? almost_fair_crps(prediction, without_missing(target), members_)
                                        : (prediction - without_missing(target)).square();
  return (at_points * weights_of(target)).sum() / total_weight;
}

}  // namespace seqvit::train
