#include "ops/norm_linear.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <gtest/gtest.h>

#include "ops/gradients.h"
#include "ops/tiles.h"

namespace seqvit::ops {
namespace {

/// Lengths that tiles do and do not divide; one token and two read as a vector.
TEST(NormLinear, EqualsNormThenLinearInValueAndGradient) {
  at::manual_seed(1);
  auto random = [](std::vector<int64_t> shape) { return at::randn(shape, at::kDouble).requires_grad_(); };
  for (const int64_t rows : {int64_t{3}, kDefaultTile, 2 * kDefaultTile + 5}) {
    for (const int64_t group : {1, 2}) {
      const NormLinearWeights w{random({4}), random({4}), random({6, 4 * group}), random({6})};
      const Tensor x = random({2, rows * group, 4}), seed = at::randn({2, rows, 6}, at::kDouble);
      const std::vector<Tensor> inputs = {x, w.norm_weight, w.norm_bias, w.weight, w.bias};
      const Tensor u = at::layer_norm(x, {4}, w.norm_weight, w.norm_bias, kLayerNormEpsilon);
      const auto expected = with_gradients(at::linear(u.view({2, rows, -1}), w.weight, w.bias), seed, inputs);
      const auto found = with_gradients(norm_linear(x, w), seed, inputs);
      EXPECT_LT(worst(found, expected), 1e-12) << rows;
      const at::NoGradGuard no_grad;
      EXPECT_TRUE(at::equal(norm_linear(x, w), found[0]));
    }
  }
}

/// Norms of each sample: as every sample alone.
TEST(NormLinear, NormsBySampleAreThoseOfEachAlone) {
  at::manual_seed(2);
  auto random = [](std::vector<int64_t> shape) { return at::randn(shape, at::kDouble).requires_grad_(); };
  const NormLinearWeights w{random({2, 4}), random({2, 4}), random({6, 4}), random({6})};
  const int64_t rows = kDefaultTile + 3;
  const Tensor x = random({2, rows, 4}), seed = at::randn({2, rows, 6}, at::kDouble);
  const std::vector<Tensor> inputs = {x, w.norm_weight, w.norm_bias, w.weight, w.bias};
  std::vector<Tensor> alone;
  for (int64_t b = 0; b < 2; ++b)
    alone.push_back(norm_linear(x.narrow(0, b, 1), {w.norm_weight[b], w.norm_bias[b], w.weight, w.bias}));
  const auto expected = with_gradients(at::cat(alone), seed, inputs);
  EXPECT_LT(worst(with_gradients(norm_linear(x, w), seed, inputs), expected), 1e-12);
}

}  // namespace
}  // namespace seqvit::ops
