#include "train/loss.h"

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <gtest/gtest.h>

namespace seqvit::train {
namespace {

const grid::Grid kGrid{{60.0, 0.0, -60.0}, {0.0, 1.0}};  // weights 0.75, 1.5, 0.75

TEST(WeightedLoss, WeighsByLatitudeAndLeavesMissingPointsOut) {
  const WeightedLoss loss(kGrid, {0, 3}, at::ones({1, 3, 2}, at::kBool), {}, at::kDouble);
  Tensor target = at::zeros({1, 1, 3, 2}, at::kDouble);
  target.index_put_({at::tensor(0), at::tensor(0), at::tensor(1), at::tensor(0)},
                    at::tensor(std::nan(""), at::kDouble));
  const Tensor prediction =
      at::tensor({1.0, 2.0, 100.0, 3.0, 4.0, 5.0}, at::kDouble).view({1, 1, 3, 2}).requires_grad_();
  EXPECT_NEAR(loss.weight_of(target), 2 * 0.75 + 1.5 + 2 * 0.75, 1e-12);
  const Tensor value = loss(prediction, target, 4.5);
  EXPECT_NEAR(value.item<double>(), (0.75 * (1 + 4 + 16 + 25) + 1.5 * 9) / 4.5, 1e-12);
  value.backward();
  const Tensor gradient = prediction.grad().flatten();
  EXPECT_EQ(gradient[2].item<double>(), 0.0);  // not NaN
  EXPECT_NEAR(gradient[3].item<double>(), 2 * 1.5 * 3 / 4.5, 1e-12);
}

TEST(WeightedLoss, WeighsTargetsInSumAndDenominator) {
  const std::vector<double> of_targets = {2.0, 0.5};
  const WeightedLoss loss(kGrid, {0, 3}, at::ones({2, 3, 2}, at::kBool), of_targets, at::kDouble);
  const Tensor prediction = at::ones({1, 2, 3, 2}, at::kDouble),
               target = at::zeros({1, 2, 3, 2}, at::kDouble);
  prediction.select(1, 1).fill_(10.0);
  const double weight = 2.0 * 6 + 0.5 * 6;
  EXPECT_NEAR(loss.weight_of(target), weight, 1e-12);
  EXPECT_NEAR(loss(prediction, target, weight).item<double>(), (2.0 * 6 * 1 + 0.5 * 6 * 100) / weight, 1e-12);
}

/// 0.95 times the fair score and 0.05 times the plain one, of 2, 3 and 4 members.
TEST(WeightedLoss, OfMembersIsTheAlmostFairCrps) {
  for (const int64_t members : {2, 3, 4}) {
    const WeightedLoss loss(kGrid, {0, 3}, at::ones({1, 3, 2}, at::kBool), {}, at::kDouble, members);
    Tensor prediction = at::randn({2 * members, 1, 3, 2}, at::kDouble).requires_grad_(),
           target = at::randn({2, 1, 3, 2}, at::kDouble);
    target[1][0][2][1].fill_(std::nan(""));
    double expected = 0.0;
    for (int64_t i = 0; i < 11; ++i) {  // the last point is missing
      const auto at = [&](int64_t sample, int64_t m) {
        return prediction[sample * members + m].flatten()[i % 6].item<double>();
      };
      const double t = target.flatten()[i].item<double>(), count = static_cast<double>(members);
      double error = 0.0, apart = 0.0;
      for (int64_t j = 0; j < members; ++j) {
        error += std::abs(at(i / 6, j) - t) / count;
        for (int64_t k = 0; k < members; ++k)
          apart += std::abs(at(i / 6, j) - at(i / 6, k));
      }
      const double fair = error - apart / (2 * count * (count - 1)),
                   plain = error - apart / (2 * count * count);
      expected += (i % 6 / 2 == 1 ? 1.5 : 0.75) * (0.95 * fair + 0.05 * plain);
    }
    const double weight = loss.weight_of(target);
    EXPECT_NEAR(weight, 12.0 - 0.75, 1e-12);
    const Tensor value = loss(prediction, target, weight);
    EXPECT_NEAR(value.item<double>(), expected / weight, 1e-12);
    value.backward();
    const Tensor gradient = prediction.grad();
    EXPECT_EQ(gradient[members][0][2][1].item<double>(), 0.0) << "of a missing point";
    const at::NoGradGuard no_grad;
    for (const int64_t i : {int64_t{0}, 6 * members - 3}) {
      Tensor element = prediction.view({-1})[i];
      const double before = element.item<double>(), step = 1e-6;
      element.fill_(before + step);
      const double up = loss(prediction, target, weight).item<double>();
      element.fill_(before - step);
      const double down = loss(prediction, target, weight).item<double>();
      element.fill_(before);
      EXPECT_NEAR(gradient.flatten()[i].item<double>(), (up - down) / (2 * step), 1e-8);
    }
  }
}

TEST(WeightedLoss, PartsOfRanksAddUp) {
  const Tensor prediction = at::randn({2, 1, 3, 2}, at::kDouble),
               target = at::randn({2, 1, 3, 2}, at::kDouble);
  const double whole =
      WeightedLoss(kGrid, {0, 3}, at::ones({1, 3, 2}, at::kBool), {}, at::kDouble)(prediction, target, 12.0)
          .item<double>();
  // Rank 0 owns the first row and half of the second, rank 1 the rest; both hold the second row.
  Tensor first = at::ones({1, 2, 2}, at::kBool), second = at::ones({1, 2, 2}, at::kBool);
  first[0][1][1].fill_(false);
  second[0][0][0].fill_(false);
  const double parts = WeightedLoss(kGrid, {0, 2}, first, {}, at::kDouble)(prediction.slice(2, 0, 2),
                                                                           target.slice(2, 0, 2), 12.0)
                           .item<double>() +
                       WeightedLoss(kGrid, {1, 3}, second, {}, at::kDouble)(prediction.slice(2, 1, 3),
                                                                            target.slice(2, 1, 3), 12.0)
                           .item<double>();
  EXPECT_NEAR(parts, whole, 1e-14);
}

}  // namespace
}  // namespace seqvit::train
