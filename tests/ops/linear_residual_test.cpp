#include "ops/linear_residual.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

#include "ops/gradients.h"
#include "ops/tiles.h"

namespace seqvit::ops {
namespace {

/// Lengths that tiles do and do not divide; with a branch dropped and without.
TEST(LinearResidual, EqualsLinearThenAddInValueAndGradient) {
  at::manual_seed(1);
  auto random = [](std::vector<int64_t> shape) { return at::randn(shape, at::kDouble).requires_grad_(); };
  for (const int64_t rows : {int64_t{3}, kDefaultTile, 2 * kDefaultTile + 5}) {
    for (const bool dropped : {false, true}) {
      const Tensor x = random({2, rows, 4}), u = random({2, rows, 6}), weight = random({4, 6}),
                   bias = random({4});
      const Tensor scale = dropped ? at::tensor({0.0, 1.25}, at::kDouble).view({2, 1, 1}) : Tensor();
      const Tensor seed = at::randn({2, rows, 4}, at::kDouble), branch = at::linear(u, weight, bias);
      const std::vector<Tensor> inputs = {x, u, weight, bias};
      const auto expected = with_gradients(x + (dropped ? scale * branch : branch), seed, inputs);
      EXPECT_LT(worst(with_gradients(linear_residual(x, u, weight, bias, scale), seed, inputs), expected),
                1e-12)
          << rows;
      const at::NoGradGuard no_grad;
      EXPECT_LT(worst({linear_residual(x, u, weight, bias, scale)}, {expected[0]}), 1e-13);
    }
  }
}

}  // namespace
}  // namespace seqvit::ops
