#include "data/insolation.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include <gtest/gtest.h>

namespace seqvit::data {
namespace {

grid::Grid globe(int64_t rows, int64_t columns) {
  grid::Grid grid;
  for (int64_t y = 0; y < rows; ++y)
    grid.latitude.push_back(90.0 - (static_cast<double>(y) + 0.5) * 180.0 / static_cast<double>(rows));
  for (int64_t x = 0; x < columns; ++x)
    grid.longitude.push_back(static_cast<double>(x) * 360.0 / static_cast<double>(columns));
  return grid;
}

std::vector<float> at(const grid::Grid& grid, DateTime date) {
  std::vector<float> field(static_cast<size_t>(grid.points()));
  insolation(to_time_stamp(date, Calendar::standard), Calendar::standard, grid, {0, grid.rows()}, field);
  return field;
}

/// A sphere catches a quarter of what falls on its cross section, nearer the sun in January than in July by 7
/// %.
TEST(Insolation, OfTheWholeGlobeIsAQuarterOfTheSolarConstant) {
  const grid::Grid grid = globe(90, 180);
  const auto mean = [&](DateTime date) {
    const std::vector<float> field = at(grid, date);
    double sum = 0, weights = 0;
    for (int64_t i = 0; i < grid.points(); ++i) {
      const double weight = std::cos(grid.latitude[i / grid.columns()] * std::numbers::pi / 180.0);
      sum += weight * field[i], weights += weight;
    }
    return sum / weights;
  };
  const double january = mean({2001, 1, 4}), july = mean({2001, 7, 5, 13}), april = mean({2001, 4, 4, 20});
  EXPECT_NEAR(april, 1361.0 / 4, 1.0);
  EXPECT_NEAR(january / july, std::pow(1.0167 / 0.9833, 2), 3e-3);
}

TEST(Insolation, StandsOverThePlaceWhereItIsNoon) {
  const grid::Grid grid = globe(180, 360);
  struct Case {
    DateTime date;
    double latitude, longitude;
  };
  // Solstices and an equinox; on 3 November the sun is 16 minutes ahead of the clock, on 11 February 14
  // behind.
  for (const Case& c : {Case{{2001, 6, 21, 12}, 23.4, 0.4}, Case{{2001, 12, 21, 0}, -23.4, 179.6},
                        Case{{2001, 3, 20, 18}, -0.1, 271.9}, Case{{2001, 11, 3, 12}, -15.0, 355.9},
                        Case{{2001, 2, 11, 12}, -14.0, 3.6}}) {
    const std::vector<float> field = at(grid, c.date);
    const int64_t most = std::max_element(field.begin(), field.end()) - field.begin();
    EXPECT_NEAR(grid.latitude[most / 360], c.latitude, 0.8);
    EXPECT_NEAR(std::remainder(grid.longitude[most % 360] - c.longitude, 360.0), 0.0, 0.8);
  }
}

TEST(Insolation, NightIsDarkAndRowsAreThoseAskedFor) {
  const grid::Grid grid = globe(12, 8);
  const std::vector<float> whole = at(grid, {2001, 6, 21, 12});
  EXPECT_EQ(*std::min_element(whole.begin(), whole.end()), 0.0F);
  EXPECT_GT(*std::min_element(whole.begin(), whole.begin() + 8), 0.0F) << "midnight sun";
  std::vector<float> part(3 * 8);
  insolation(to_time_stamp({2001, 6, 21, 12}, Calendar::standard), Calendar::standard, grid, {4, 7}, part);
  EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin() + 4 * 8));
}

}  // namespace
}  // namespace seqvit::data
