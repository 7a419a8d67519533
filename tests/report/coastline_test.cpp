#include "report/coastline.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

namespace seqvit::report {
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
  std::vector<MapSegment> outline() const {
    return land_outline(evaluate::latitude_axis(latitude), evaluate::longitude_axis(longitude), land);
  }
};

TEST(Coastline, OfARoundIslandIsACircle) {
  double length = 0;
  for (const MapSegment& s : Island(2.0).outline()) {
    for (const MapPoint& p : {s.from, s.to})
      EXPECT_NEAR(std::hypot(p.longitude - 10, p.latitude - 5), 25, 0.1);
    length += std::hypot(s.to.longitude - s.from.longitude, s.to.latitude - s.from.latitude);
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

TEST(Coastline, KnowsLandByNameOrStandardName) {
  EXPECT_TRUE(is_land_fraction("land_fraction", ""));
  EXPECT_TRUE(is_land_fraction("x", "land_area_fraction"));
  EXPECT_FALSE(is_land_fraction("orography", "surface_altitude"));
}

}  // namespace
}  // namespace seqvit::report
