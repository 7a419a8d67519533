#include "draw/coastline.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

namespace seqvit::draw {
namespace {

// A round island of 25 degrees about (10 E, 5 N), rows from north to south.
struct Island {
  std::vector<double> latitude, longitude;
  std::vector<float> land;

  explicit Island(double step) {
    for (double y = 60; y >= -60; y -= step)
      latitude.push_back(y);
    for (double x = -60; x <= 60; x += step)
      longitude.push_back(x);
    for (const double y : latitude) {
      for (const double x : longitude)
        land.push_back(static_cast<float>(std::clamp(0.5 + (25 - std::hypot(x - 10, y - 5)) / 10, 0.0, 1.0)));
    }
  }
  std::vector<MapLine> outline() const {
    return land_outline(latitude_axis(latitude), longitude_axis(longitude), land);
  }
};

TEST(Coastline, OfARoundIslandIsACircle) {
  double length = 0;
  for (const MapLine& s : Island(2.0).outline()) {
    for (const MapPoint& p : s)
      EXPECT_NEAR(std::hypot(p.longitude - 10, p.latitude - 5), 25, 0.1);
    length += std::hypot(s[1].longitude - s[0].longitude, s[1].latitude - s[0].latitude);
  }
  EXPECT_NEAR(length, 2 * std::acos(-1.0) * 25, 1.0) << "closed: no piece is missing";
}

TEST(Coastline, OfAFineGridHasFewPieces) {
  const auto outline = Island(0.05).outline();
  EXPECT_GT(outline.size(), 100U);
  EXPECT_LT(outline.size(), 1000U);
}

TEST(Coastline, OfAllSeaOrAllLandIsNothing) {
  Island island(5.0);
  std::fill(island.land.begin(), island.land.end(), 1.0F);
  EXPECT_TRUE(island.outline().empty());
}

double nearest(const std::vector<MapLine>& lines, MapPoint place) {
  double least = 1000;
  for (const MapLine& line : lines) {
    for (const MapPoint& p : line)
      least = std::min(least, std::hypot(p.longitude - place.longitude, p.latitude - place.latitude));
  }
  return least;
}

TEST(Coastline, OfEarthIsWhereItIs) {
  const std::vector<MapLine> earth = earth_coastline();
  for (const MapPoint port :
       {MapPoint{-9.4, 38.7}, {18.4, -34.1}, {151.3, -33.8}, {-73.9, 40.6}, {-43.2, -23.0}})
    EXPECT_LT(nearest(earth, port), 1.5) << port.longitude;
  for (const MapPoint inland : {MapPoint{-30, 0}, {-150, -40}, {85, 45}, {-100, 40}, {25, 20}})
    EXPECT_GT(nearest(earth, inland), 7.0) << inland.longitude << ": no coast, and borders are left out";
  for (const MapLine& line : earth) {
    EXPECT_GE(line.size(), 2U);
    for (size_t i = 1; i < line.size(); ++i) {
      EXPECT_LT(
          std::hypot(line[i].longitude - line[i - 1].longitude, line[i].latitude - line[i - 1].latitude),
          12.0);
      EXPECT_FALSE(std::abs(line[i].longitude) == 180 && line[i].longitude == line[i - 1].longitude)
          << "an edge of the map is no coast";
    }
  }
}

TEST(Coastline, IsCutToTheMapWhereverItsLongitudesBegin) {
  const std::vector<MapLine> lines = {{{-10, 0}, {10, 0}, {30, 0}}};
  const MapAxis rows = latitude_axis({-10, 10});
  const auto pieces = [&](std::vector<double> longitude) {
    return clipped(lines, rows, longitude_axis(longitude));
  };
  const auto whole = pieces({-20, 0, 20, 40});
  ASSERT_EQ(whole.size(), 1U);
  EXPECT_EQ(whole[0].size(), 3U);
  const auto cut = pieces({0, 10});  // from -5 to 15
  ASSERT_EQ(cut.size(), 1U);
  EXPECT_DOUBLE_EQ(cut[0].front().longitude, -5);
  EXPECT_DOUBLE_EQ(cut[0].back().longitude, 15);
  const auto turned = pieces({0, 90, 180, 270});  // from -45 to 315
  ASSERT_EQ(turned.size(), 1U);
  const auto later = pieces({340, 350, 360, 370, 380, 390});
  ASSERT_EQ(later.size(), 1U);
  EXPECT_DOUBLE_EQ(later[0].front().longitude, 350);
  const auto split = pieces({5, 95, 185, 275});  // from -40 to 320; both ends of the globe meet at -40
  EXPECT_EQ(split.size(), 1U);
  const auto twice = clipped({{{0, 0}, {30, 0}, {0, 5}}}, rows, longitude_axis({0, 10}));
  EXPECT_EQ(twice.size(), 2U) << "it leaves and comes back elsewhere";
  EXPECT_TRUE(pieces({0, 1e300}).empty());
  EXPECT_TRUE(clipped(lines, latitude_axis({40, 50}), longitude_axis({0, 10})).empty());
}

}  // namespace
}  // namespace seqvit::draw
