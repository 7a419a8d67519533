#include "model/patches.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/randn.h>
#include <ATen/ops/zeros_like.h>
#include <gtest/gtest.h>

namespace seqvit::model {
namespace {

TEST(Patches, RoundTripKeepsTheGridAndOverhangsAreZero) {
  const grid::TokenGrid grid{25, 53, 4, 1, 1};
  const grid::Slab slab = grid::make_slab(grid, 0, 1);
  const Tensor fields = at::randn({2, 3, 25, 53});
  const Tensor patches = to_patches(fields, grid, slab);
  EXPECT_EQ(patches.sizes().vec(), (std::vector<int64_t>{2, 7 * 14, 3, 16}));
  EXPECT_TRUE(at::equal(from_patches(patches, grid, slab), fields));
  EXPECT_NEAR(patches.sum().item<double>(), fields.sum().item<double>(), 1e-2);
  // First patch, second variable: the upper left corner of the grid, row by row.
  EXPECT_TRUE(at::equal(patches[1][0][1].view({4, 4}), fields[1][1].slice(0, 0, 4).slice(1, 0, 4)));
}

TEST(Patches, SlabsTogetherAreTheWholeGrid) {
  const grid::TokenGrid grid{25, 53, 4, 1, 1};
  const Tensor fields = at::randn({1, 2, 25, 53});
  for (const int ranks : {2, 3, 5, 8}) {
    Tensor sum = at::zeros_like(fields);
    for (int rank = 0; rank < ranks; ++rank) {
      const grid::Slab slab = grid::make_slab(grid, rank, ranks);
      const Tensor mine = fields.slice(2, slab.rows.begin, slab.rows.end);
      sum.slice(2, slab.rows.begin, slab.rows.end) += from_patches(to_patches(mine, grid, slab), grid, slab);
    }
    EXPECT_TRUE(at::equal(sum, fields)) << ranks;
  }
}

}  // namespace
}  // namespace seqvit::model
