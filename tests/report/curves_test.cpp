#include "report/curves.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace seqvit::report {
namespace {

using draw::ChartPoint;

std::vector<ChartPoint> some_points(int count) {
  std::vector<ChartPoint> points;
  for (int i = 0; i < count; ++i)
    points.push_back({static_cast<double>(i), std::sin(0.001 * i)});
  return points;
}

TEST(Curves, ThinningKeepsSpikesAndOrder) {
  std::vector<ChartPoint> points = some_points(100000);
  points[71234].y = 9.0;
  points[71235].y = -9.0;
  const auto thin = thinned(points, 400);
  EXPECT_LE(thin.size(), 400U);
  EXPECT_GE(thin.size(), 350U);
  double most = 0, least = 0;
  for (size_t i = 0; i < thin.size(); ++i) {
    most = std::max(most, thin[i].y);
    least = std::min(least, thin[i].y);
    EXPECT_TRUE(i == 0 || thin[i].x > thin[i - 1].x) << i;
  }
  EXPECT_EQ(most, 9.0);
  EXPECT_EQ(least, -9.0);
  EXPECT_EQ(thinned(some_points(400), 400).size(), 400U) << "few points stay as they are";
}

TEST(Curves, SmoothingIsACentredMean) {
  std::vector<ChartPoint> points = some_points(9);
  for (ChartPoint& point : points)
    point.y = point.x * point.x;
  const auto smooth = smoothed(points, 3);
  ASSERT_EQ(smooth.size(), 9U);
  EXPECT_EQ(smooth.front().y, 0.0) << "no neighbour on one side: none from the other";
  EXPECT_DOUBLE_EQ(smooth[4].y, (9.0 + 16.0 + 25.0) / 3);
  points[4].y = std::numeric_limits<double>::quiet_NaN();
  EXPECT_DOUBLE_EQ(smoothed(points, 3)[4].y, (9.0 + 25.0) / 2);
}

}  // namespace
}  // namespace seqvit::report
