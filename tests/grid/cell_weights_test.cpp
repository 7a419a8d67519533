#include "grid/cell_weights.h"

#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include <gtest/gtest.h>

#include "grid/gaussian.h"

namespace seqvit::grid {
namespace {

constexpr double kRadians = std::numbers::pi / 180.0;

Grid regular(int64_t rows, double first, double step, int64_t columns = 4) {
  Grid grid;
  for (int64_t y = 0; y < rows; ++y)
    grid.latitude.push_back(first + step * static_cast<double>(y));
  for (int64_t x = 0; x < columns; ++x)
    grid.longitude.push_back(360.0 / static_cast<double>(columns) * static_cast<double>(x));
  return grid;
}

/// The same points with a place for each.
Grid curvilinear(const Grid& grid) {
  Grid result = grid;
  result.kind = GridKind::curvilinear;
  for (const double latitude : grid.latitude) {
    for (const double longitude : grid.longitude) {
      result.point_latitude.push_back(latitude);
      result.point_longitude.push_back(longitude);
    }
  }
  return result;
}

TEST(CellWeights, HaveMeanOneAndFollowTheAreaOfTheRow) {
  const CellWeights weights({{60.0, 0.0, -60.0}, {0.0, 90.0}});
  EXPECT_NEAR(std::accumulate(weights.values().begin(), weights.values().end(), 0.0), 3.0, 1e-12);
  EXPECT_NEAR(weights(1, 0) / weights(0, 1), 2.0, 1e-12);  // 60 to 90 degrees is half of -30 to 30
}

TEST(CellWeights, ARowAtThePoleHasTheAreaOfItsCap) {
  const CellWeights weights(regular(73, 90.0, -2.5));
  const double cap = 1.0 - std::sin(88.75 * kRadians),
               beside = std::sin(88.75 * kRadians) - std::sin(86.25 * kRadians);
  EXPECT_NEAR(weights(0, 0) / weights(1, 0), cap / beside, 1e-12);
  EXPECT_GT(weights(0, 0), 0.1 * weights(1, 0));
  EXPECT_NEAR(weights(0, 0), weights(72, 0), 1e-12);
}

TEST(CellWeights, OfARegionAreCosinesUpToAFactor) {
  const CellWeights weights(regular(17, 20.0, 2.5));
  for (int64_t y = 0; y < 17; ++y)
    EXPECT_NEAR(weights(y, 0) / weights(0, 0),
                std::cos((20.0 + 2.5 * static_cast<double>(y)) * kRadians) / std::cos(20.0 * kRadians),
                1e-12);
}

TEST(CellWeights, OutermostRowsReachAPoleThatIsNearerThanARow) {
  // 89 degrees and a spacing of 1.5: midway would end at 89.75 and leave the cap to nobody.
  const CellWeights weights(regular(10, 75.5, 1.5));
  const double last = 1.0 - std::sin(88.25 * kRadians),
               before = std::sin(88.25 * kRadians) - std::sin(86.75 * kRadians);
  EXPECT_NEAR(weights(9, 0) / weights(8, 0), last / before, 1e-12);
}

TEST(CellWeights, GaussianLatitudesHaveTheWeightsOfTheirQuadrature) {
  for (const int64_t rows : {48, 94, 320}) {
    const GaussianLatitudes gauss = gaussian_latitudes(rows);
    for (const double sign : {1.0, -1.0}) {
      Grid grid = regular(rows, 0, 0);
      for (int64_t y = 0; y < rows; ++y)  // as files give them, to three digits
        grid.latitude[y] = sign * std::round(std::asin(gauss.sine[y]) / kRadians * 1e3) * 1e-3;
      const CellWeights weights(grid);
      for (int64_t y = 0; y < rows; ++y)
        ASSERT_NEAR(weights(y, 0), gauss.weight[y] * static_cast<double>(rows), 1e-12)
            << rows << " rows, row " << y;
    }
  }
}

TEST(CellWeights, PartOfAGaussianGridIsMeasuredBetweenMidpoints) {
  const GaussianLatitudes gauss = gaussian_latitudes(48);
  Grid grid = regular(24, 0, 0);
  for (int64_t y = 0; y < 24; ++y)  // half a globe
    grid.latitude[y] = std::asin(gauss.sine[y]) / kRadians;
  const CellWeights weights(grid);
  EXPECT_NEAR(weights(10, 0) / weights(11, 0),
              std::cos(grid.latitude[10] * kRadians) / std::cos(grid.latitude[11] * kRadians), 1e-3);
}

TEST(CellWeights, BoundsOfTheFileCountBeforeMidpoints) {
  Grid grid{{10.0, 20.0}, {0.0, 10.0}};
  grid.row_bounds = {0.0, 12.0, 12.0, 30.0};
  const CellWeights weights(grid);
  EXPECT_NEAR(weights(0, 0) / weights(1, 0),
              std::sin(12.0 * kRadians) / (std::sin(30.0 * kRadians) - std::sin(12.0 * kRadians)), 1e-12);
}

TEST(CellWeights, OfPointsWithPlacesOfTheirOwnAreThoseOfTheRowsTheyStandIn) {
  const Grid rows = regular(60, -29.5, 1.0, 360);
  const CellWeights expected(rows), found(curvilinear(rows));
  for (int64_t y = 0; y < 60; ++y) {
    for (const int64_t x : {0, 1, 45, 359})
      ASSERT_NEAR(found(y, x), expected(y, x), y % 59 == 0 || x % 359 == 0 ? 2e-3 : 2e-4)
          << y << ", " << x;  // edges are great circles there
  }
}

TEST(CellWeights, DoNotDependOnHowAGridIsTurned) {
  // One degree by one degree round (0, 0), and the same turned over the pole.
  Grid equator = curvilinear({{-1.0, 0.0, 1.0}, {-1.0, 0.0, 1.0}}), pole = equator;
  for (size_t i = 0; i < 9; ++i) {
    const double phi = equator.point_latitude[i] * kRadians, lambda = equator.point_longitude[i] * kRadians;
    const double x = -std::sin(phi), y = std::cos(phi) * std::sin(lambda),
                 z = std::cos(phi) * std::cos(lambda);
    pole.point_latitude[i] = std::asin(z) / kRadians;
    pole.point_longitude[i] = std::atan2(y, x) / kRadians;
  }
  const CellWeights here(equator), there(pole);
  for (int64_t i = 0; i < 9; ++i)
    EXPECT_NEAR(here(i / 3, i % 3), there(i / 3, i % 3), 1e-9);
}

TEST(CellWeights, CornersOfTheFileCountBeforeMidpoints) {
  Grid grid = curvilinear({{0.0, 1.0}, {0.0, 1.0}});
  for (int64_t i = 0; i < 4; ++i) {
    const double south = grid.point_latitude[i] - 0.5, west = grid.point_longitude[i] - 0.5,
                 wide = i == 3 ? 2.0 : 1.0;
    for (const auto& [up, right] : {std::pair{0.0, 0.0}, {0.0, wide}, {1.0, wide}, {1.0, 0.0}}) {
      grid.corner_latitude.push_back(south + up);
      grid.corner_longitude.push_back(west + right);
    }
  }
  const CellWeights weights(grid);
  EXPECT_NEAR(weights(1, 1) / weights(1, 0), 2.0, 1e-3);
}

TEST(CellWeights, APointWithoutAPlaceCountsNothing) {
  Grid grid = curvilinear(regular(4, 10, 1));
  grid.point_latitude[0] = grid.point_longitude[0] = std::numeric_limits<double>::quiet_NaN();
  const CellWeights weights(grid);
  EXPECT_EQ(weights(0, 0), 0.0);
  EXPECT_GT(weights(3, 3), 0.0);
}

TEST(CellWeights, AreAllOneWhereNothingHasAnArea) {
  const CellWeights weights({{10, 10, 10}, {0, 1}});
  EXPECT_EQ(weights.values(), std::vector<double>(3, 1.0));
}

TEST(CellWeights, AreAllOneWithoutAPlaceOnEarth) {
  const CellWeights weights({{0, 1, 2}, {0, 1}, GridKind::index});
  EXPECT_EQ(weights.values(), std::vector<double>(3, 1.0));
}

}  // namespace
}  // namespace seqvit::grid
