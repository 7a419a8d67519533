#include "ops/in_tiles.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/tanh.h>
#include <gtest/gtest.h>

#include "ops/gradients.h"
#include "ops/memory.h"

namespace seqvit::ops {
namespace {

/// [R, 4] -> [R, 3, 2], by way of 64 times as much.
Tensor wide(const Tensor& rows, const std::vector<Tensor>& w) {
  const Tensor inner = at::tanh(at::linear(rows, w[0]));
  return (at::linear(inner, w[1]) + w[2]).view({-1, 3, 2});
}

std::vector<Tensor> weights() {
  auto random = [](std::vector<int64_t> shape) { return at::randn(shape, at::kDouble).requires_grad_(); };
  return {random({256, 4}), random({6, 256}), random({6})};
}

/// Numbers of rows that tiles do and do not divide.
TEST(InTiles, EqualsTheFunctionInValueAndGradient) {
  at::manual_seed(1);
  const auto w = weights();
  for (const int64_t rows : {1, 6, 7}) {
    const Tensor x = at::randn({rows, 4}, at::kDouble).requires_grad_(),
                 seed = at::randn({rows, 3, 2}, at::kDouble);
    auto inputs = w;
    inputs.push_back(x);
    const auto expected = with_gradients(wide(x, w), seed, inputs);
    for (const int64_t tile : {1, 3, 100}) {
      const auto found = with_gradients(in_tiles(wide, x, w, tile), seed, inputs);
      EXPECT_LT(worst(found, expected), 1e-13) << rows << " rows in tiles of " << tile;
      const at::NoGradGuard no_grad;
      EXPECT_TRUE(at::equal(in_tiles(wide, x, w, tile), found[0]));
    }
  }
}

TEST(InTiles, HoldsWhatOneTileNeeds) {
  install_tensor_allocator();
  const auto w = weights();
  const Tensor x = at::randn({4096, 4}, at::kDouble);
  const int64_t row_bytes = 256 * 8, before = tensor_bytes();
  reset_peak_tensor_bytes();
  const Tensor y = in_tiles(wide, x, w, 64);
  EXPECT_LT(tensor_bytes() - before, 4096 * 7 * 8) << "only the result is kept";
  y.sum().backward();
  EXPECT_LT(peak_tensor_bytes() - before, 4096 * row_bytes / 8);
}

}  // namespace
}  // namespace seqvit::ops
