#include "evaluate/error_sums.h"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "support/errors.h"

namespace seqvit::evaluate {
namespace {

std::vector<std::string> names(const std::vector<Region>& regions) {
  std::vector<std::string> result;
  for (const Region& region : regions)
    result.push_back(region.name);
  return result;
}

TEST(Regions, OnlyProperPartsOfTheGrid) {
  EXPECT_EQ(names(regions_of({{75, 45, 15}, {200, 210}})),
            (std::vector<std::string>{"global", "tropics", "northern"}));
  EXPECT_EQ(names(regions_of({{58, 54, 50}, {0, 2}})), std::vector<std::string>{"global"})
      << "northern is all of it";
  EXPECT_EQ(names(regions_of({{-60, 0, 60}, {0, 180}})),
            (std::vector<std::string>{"global", "tropics", "northern", "southern"}));
}

TEST(Regions, ChosenOnesReplaceTheBandsAndHoldAPoint) {
  const grid::Grid grid{{60, 0, -60}, {0, 90, 180, 270}};
  const Region box{"box", -10, 70, 80, 100};
  EXPECT_EQ(names(regions_of(grid, {box})), (std::vector<std::string>{"global", "box"}));
  for (const Region& empty : {Region{"narrow", -10, 70, 100, 170}, Region{"low", 10, 50, 0, 360}}) {
    expect_error(Exit::usage, {"evaluate.regions", empty.name, "no point", "from -60 to 60", "from 0 to 270"},
                 [&] { regions_of(grid, {empty}); });
  }
}

TEST(ErrorSums, CountsABoxOfLongitudes) {
  const grid::Grid grid{{30, -30}, {0, 90, 180, 270}};
  const ErrorSums errors(grid, {{"global"}, {"box", 0, 90, 80, 190}});
  std::vector<float> zero(8, 0.0f), forecast(8);
  std::iota(forecast.begin(), forecast.end(), 1.0f);
  std::vector<double> sums(errors.size(), 0.0);
  errors.add({forecast, zero, zero, zero}, {0, 2}, sums);
  EXPECT_DOUBLE_EQ(errors.total(sums, 0)[kError], 36.0);
  EXPECT_DOUBLE_EQ(errors.total(sums, 1)[kError], 2.0 + 3.0);
  EXPECT_DOUBLE_EQ(errors.total(sums, 1)[kWeight], 2.0);
}

TEST(ErrorSums, PointsOfOtherRanksDoNotCount) {
  const grid::Grid grid{{30, 0, -30}, {0, 180}};
  const ErrorSums errors(grid, {{"global"}});
  const std::vector<float> zero(6, 0.0f), forecast = {1, 2, 4, 8, 16, 32};
  std::vector<double> whole(errors.size(), 0.0), parts(errors.size(), 0.0);
  errors.add({forecast, zero, zero, zero}, {0, 3}, whole);
  // The middle row is cut: its first point belongs to the upper rank, its second to the lower.
  const std::vector<float> upper = {1, 1, 1, 0}, lower = {0, 1, 1, 1};
  const std::span<const float> f(forecast), z(zero);
  errors.add({f.first(4), z.first(4), z.first(4), z.first(4), upper}, {0, 2}, parts);
  errors.add({f.last(4), z.last(4), z.last(4), z.last(4), lower}, {1, 3}, parts);
  EXPECT_EQ(whole, parts);
}

TEST(ErrorSums, CountsForecastsThatWereLost) {
  const grid::Grid grid{{0}, {0, 180}};
  const ErrorSums errors(grid, {{"global"}});
  const std::vector<float> forecast = {NAN, NAN}, truth = {1, NAN}, zero = {0, 0};
  std::vector<double> sums(errors.size(), 0.0);
  errors.add({forecast, truth, zero, zero}, {0, 1}, sums);
  EXPECT_EQ(errors.total(sums, 0)[kLost], 1.0) << "the second is missing in the truth too";
}

}  // namespace
}  // namespace seqvit::evaluate
