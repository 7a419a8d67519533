#include "data/grid_map.h"

#include <gtest/gtest.h>

namespace seqvit::data {
namespace {

using Columns = std::vector<int64_t>;

TEST(MatchGrids, FindsTheOrientation) {
  const grid::Grid grid{{10, 0, -10}, {0, 90, 180, 270}};
  EXPECT_FALSE(match_grids(grid, grid)->flip);
  EXPECT_TRUE(match_grids(grid, grid)->columns.empty());
  EXPECT_TRUE(match_grids(grid, {{-10, 0, 10}, grid.longitude})->flip);
  EXPECT_EQ(match_grids(grid, {grid.latitude, {-180, -90, 0, 90}})->columns, (Columns{2, 3, 0, 1}));
  EXPECT_EQ(match_grids(grid, {grid.latitude, {270, 180, 90, 0}})->columns, (Columns{3, 2, 1, 0}));
  EXPECT_TRUE(match_grids(grid, {grid.latitude, {360, 450, 540, 630}})->columns.empty());
}

TEST(MatchGrids, RefusesOtherGrids) {
  const grid::Grid grid{{10, 0, -10}, {0, 90, 180, 270}};
  EXPECT_FALSE(match_grids(grid, {{10, 0}, grid.longitude}));
  EXPECT_FALSE(match_grids(grid, {{10, 0, -11}, grid.longitude}));
  EXPECT_FALSE(match_grids(grid, {grid.latitude, {1, 91, 181, 271}}));
  EXPECT_FALSE(match_grids(grid, {grid.latitude, {0, 90, 270, 180}}));
  // A regional grid moved by less than its extent shares columns, but not all.
  EXPECT_FALSE(match_grids({{0, 1}, {0, 1, 2}}, {{0, 1}, {1, 2, 3}}));
}

/// 3 x 4 points turned against latitudes and longitudes.
grid::Grid turned() {
  grid::Grid grid{{0, 1, 2}, {0, 1, 2, 3}, grid::GridKind::curvilinear};
  for (int64_t i = 0; i < 12; ++i) {
    const auto y = static_cast<double>(i / 4), x = static_cast<double>(i % 4);
    grid.point_latitude.push_back(50 + y + 0.3 * x);
    grid.point_longitude.push_back(358 + x - 0.2 * y);
  }
  return grid;
}

TEST(MatchGrids, OfPointsWithPlacesOfTheirOwn) {
  const grid::Grid grid = turned();
  grid::Grid other = grid;
  for (double& longitude : other.point_longitude)
    longitude = longitude > 180 ? longitude - 360 : longitude;
  EXPECT_FALSE(match_grids(grid, other)->flip);
  for (int64_t y = 0; y < 3; ++y) {
    for (int64_t x = 0; x < 4; ++x) {
      other.point_latitude[(2 - y) * 4 + 3 - x] = grid.point_latitude[y * 4 + x];
      other.point_longitude[(2 - y) * 4 + 3 - x] = grid.point_longitude[y * 4 + x];
    }
  }
  const auto map = match_grids(grid, other);
  ASSERT_TRUE(map);
  EXPECT_TRUE(map->flip);
  EXPECT_EQ(map->columns, (Columns{3, 2, 1, 0}));
  other.point_latitude[5] += 0.01;
  EXPECT_FALSE(match_grids(grid, other));
  EXPECT_FALSE(match_grids(grid, {{0, 1, 2}, {0, 1, 2, 3}})) << "degrees along the axes are another grid";
}

}  // namespace
}  // namespace seqvit::data
