#include "grid/grid.h"

#include <gtest/gtest.h>

namespace seqvit::grid {
namespace {

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
