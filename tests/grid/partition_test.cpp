#include "grid/partition.h"

#include <gtest/gtest.h>

#include "support/errors.h"

namespace seqvit::grid {
namespace {

// (rows, columns, patch, tokens a patch, tokens a unit): even and uneven, overhanging, cut inside rows and
// patches.
const TokenGrid kGrids[] = {
    {48, 96, 4, 1, 1}, {25, 53, 4, 1, 1}, {721, 8, 4, 1, 1}, {73, 16, 2, 3, 1}, {9, 7, 3, 4, 4}};

TEST(Slab, TilesTheSequenceOnceAndCoversItsRows) {
  for (const TokenGrid& grid : kGrids) {
    for (int64_t ranks = 1; ranks <= 9; ++ranks) {
      int64_t token = 0;
      for (int64_t rank = 0; rank < ranks; ++rank) {
        const Slab slab = make_slab(grid, rank, ranks);
        EXPECT_EQ(slab.tokens.begin, token);
        EXPECT_EQ(slab.tokens.begin % grid.tokens_per_unit, 0);
        EXPECT_LE(slab.patches.begin * grid.tokens_per_patch, slab.tokens.begin);
        EXPECT_GE(slab.patches.end * grid.tokens_per_patch, slab.tokens.end);
        EXPECT_LE(slab.patch_rows.begin * grid.patch_columns(), slab.patches.begin);
        EXPECT_GE(slab.patch_rows.end * grid.patch_columns(), slab.patches.end);
        EXPECT_EQ(slab.rows.begin, slab.patch_rows.begin * grid.patch_size);
        EXPECT_LE(slab.rows.end, grid.rows);
        token = slab.tokens.end;
      }
      EXPECT_EQ(token, grid.tokens());
    }
  }
}

TEST(Slab, OneRankHasTheWholeGrid) {
  const Slab slab = make_slab({721, 1440, 4, 1, 1}, 0, 1);
  EXPECT_EQ(slab.rows, (Range{0, 721}));
  EXPECT_EQ(slab.patch_rows, (Range{0, 181}));
  EXPECT_EQ(slab.tokens, (Range{0, 181 * 360}));
}

TEST(Slab, RefusesMoreRanksThanParts) {
  expect_error(Exit::usage, {"parallel.sp x parallel.tp = 7", "6 parts"}, [] {
    make_slab({8, 12, 4, 1, 1}, 0, 7);
  });
}

}  // namespace
}  // namespace seqvit::grid
