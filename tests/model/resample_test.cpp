#include "model/resample.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/tensor.h>
#include <gtest/gtest.h>

namespace seqvit::model {
namespace {

const std::pair<int64_t, int64_t> kSides[] = {{1, 3}, {2, 4}, {3, 4}, {4, 6}, {5, 8}, {8, 4}, {5, 3}, {4, 1}};

double largest(const Tensor& difference) {
  return difference.abs().max().item<double>();
}

TEST(Resample, TheSameSizeIsTheIdentity) {
  EXPECT_TRUE(at::equal(resize_matrix({5, 5}), at::eye(5, at::kDouble)));
  EXPECT_TRUE(at::equal(resize_matrix({5, 5, 1.0, /*periodic=*/true}), at::eye(5, at::kDouble)));
  EXPECT_LT(largest(patch_resize(4, 4) - at::eye(16, at::kDouble)), 1e-12);
  EXPECT_LT(largest(embedding_resize(4, 4) - at::eye(16, at::kDouble)), 1e-12);
}

TEST(Resample, InterpolatesLinearlyBetweenTheCentresOfCells) {
  // Twice as fine: centres lie a quarter of a cell beside the old ones; the outermost repeat the edge.
  const Tensor finer = at::tensor({1.0, 0.0, 0.75, 0.25, 0.25, 0.75, 0.0, 1.0}, at::kDouble).view({4, 2});
  EXPECT_LT(largest(resize_matrix({2, 4, 0.5}) - finer), 1e-15);
  const Tensor round = at::tensor({0.75, 0.25, 0.75, 0.25, 0.25, 0.75, 0.25, 0.75}, at::kDouble).view({4, 2});
  EXPECT_LT(largest(resize_matrix({2, 4, 0.5, /*periodic=*/true}) - round), 1e-15);
  // Twice as coarse: four cells take part, the nearer two three times as much.
  const Tensor coarser = resize_matrix({8, 4, 2.0}).select(0, 1);
  const Tensor expected = at::tensor({0.0, 0.125, 0.375, 0.375, 0.125, 0.0, 0.0, 0.0}, at::kDouble);
  EXPECT_LT(largest(coarser - expected), 1e-15);
}

TEST(Resample, ConstantsStayConstant) {
  for (const auto& [from, to] : kSides) {
    const Tensor field = at::ones({from * from}, at::kDouble);
    EXPECT_LT(largest(patch_resize(from, to).mv(field) - 1.0), 1e-12) << from << " -> " << to;
  }
  const grid::TokenGrid from{25, 53, 5}, to{73, 144, 4};
  const Tensor position = at::randn({1, 6}, at::kDouble);
  const Tensor resampled =
      resample_positions(position.expand({from.patches(), 6}), from, to, /*periodic=*/false);
  ASSERT_EQ(resampled.sizes(), (std::vector<int64_t>{to.patches(), 6}));
  EXPECT_LT(largest(resampled - position), 1e-12);
}

// FlexiViT's property: a patch that was upsampled gives the token that the original gave.
TEST(Resample, TokensOfUpsampledPatchesEqualThoseOfTheOriginals) {
  for (const auto& [from, to] : kSides) {
    if (to < from) continue;
    const Tensor weight = at::randn({7, from * from}, at::kDouble);
    const Tensor patches = at::randn({from * from, 20}, at::kDouble);
    const Tensor resized = at::matmul(weight, embedding_resize(from, to).t());
    const Tensor upsampled = at::matmul(patch_resize(from, to), patches);
    EXPECT_LT(largest(at::matmul(resized, upsampled) - at::matmul(weight, patches)), 1e-9)
        << from << " -> " << to;
  }
}

// Where points are lost it is the least-squares answer: no other weight is nearer on white noise.
TEST(Resample, EmbeddingOfACoarserPatchIsTheBestThereIs) {
  const Tensor weight = at::randn({36}, at::kDouble), resize = patch_resize(6, 4);
  const Tensor resized = embedding_resize(6, 4).mv(weight);
  const auto error = [&](const Tensor& w) { return (resize.t().mv(w) - weight).norm().item<double>(); };
  for (int trial = 0; trial < 20; ++trial)
    EXPECT_GT(error(resized + 0.01 * at::randn({16}, at::kDouble)), error(resized));
}

// Rows and columns are not mixed up: a gradient along columns stays one along columns.
TEST(Resample, AGradientKeepsItsAxis) {
  const Tensor along = at::arange(3, at::kDouble).view({1, 3}).expand({3, 3}).reshape({9});
  const Tensor resized = patch_resize(3, 5).mv(along).view({5, 5});
  EXPECT_LT(largest(resized - resized.select(0, 0)), 1e-12);
  EXPECT_GT(largest(resized - resized.select(1, 0).unsqueeze(1)), 1.0);
}

/// The coordinate of a patch's centre in grid points, as its position: [patches, 2] of row and column.
Tensor centres(const grid::TokenGrid& grid) {
  const Tensor rows = (at::arange(grid.patch_rows(), at::kDouble) + 0.5) * grid.patch_size,
               columns = (at::arange(grid.patch_columns(), at::kDouble) + 0.5) * grid.patch_size;
  return at::stack({rows.repeat_interleave(grid.patch_columns()), columns.repeat({grid.patch_rows()})}, 1);
}

TEST(Resample, PositionsGoWhereTheirPatchesLie) {
  // 5 x 11 patches that hang over by 2 columns, to 9 x 18 that hang over by 2 rows and 1 column.
  const grid::TokenGrid from{25, 53, 5}, to{25, 53, 3};
  const Tensor found = resample_positions(centres(from), from, to, false).view({9, 18, 2});
  const Tensor expected = centres(to).view({9, 18, 2});
  EXPECT_LT(largest((found - expected).slice(0, 1, 8).slice(1, 1, 17)), 1e-9)
      << "beyond the edge it is clamped";
  EXPECT_FALSE(same_patches(from, to));
  EXPECT_TRUE(same_patches(grid::TokenGrid{20, 40, 4}, grid::TokenGrid{10, 20, 2}));
}

TEST(Resample, LongitudesOfTheGlobeWrapRound) {
  const grid::TokenGrid from{16, 32, 4}, to{16, 32, 2};
  const Tensor position = at::randn({4, 8, 3}, at::kDouble);
  const auto resample = [&](const Tensor& p, bool periodic) {
    return resample_positions(p.reshape({32, 3}), from, to, periodic).view({8, 16, 3});
  };
  const Tensor rolled = resample(position.roll(1, 1), true);
  EXPECT_LT(largest(rolled - resample(position, true).roll(2, 1)), 1e-12);
  EXPECT_GT(largest(resample(position.roll(1, 1), false) - resample(position, false).roll(2, 1)), 0.1);
}

}  // namespace
}  // namespace seqvit::model
