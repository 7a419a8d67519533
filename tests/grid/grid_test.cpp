#include "grid/grid.h"

#include <numeric>

#include <gtest/gtest.h>

namespace seqvit::grid {
namespace {

TEST(Grid, WeightsAreCosineWithMeanOne) {
  const Grid grid{{60.0, 0.0, -60.0}, {0.0, 90.0}};
  const auto weights = grid.row_weights();
  EXPECT_NEAR(std::accumulate(weights.begin(), weights.end(), 0.0), 3.0, 1e-12);
  EXPECT_NEAR(weights[1] / weights[0], 2.0, 1e-12);
}

TEST(Grid, KnowsWhetherItGoesRoundTheGlobe) {
  Grid grid{{0.0}, {}};
  for (int i = 0; i < 96; ++i)
    grid.longitude.push_back(3.75 * i);
  EXPECT_TRUE(grid.periodic());
  grid.longitude.pop_back();
  EXPECT_FALSE(grid.periodic());
}

}  // namespace
}  // namespace seqvit::grid
