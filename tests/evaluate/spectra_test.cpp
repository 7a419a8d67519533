#include "evaluate/spectra.h"

#include <cmath>
#include <limits>
#include <numbers>

#include <gtest/gtest.h>

#include "evaluate/synthetic.h"

namespace seqvit::evaluate {
namespace {

constexpr float kMissing = std::numeric_limits<float>::quiet_NaN();
constexpr double kCircle = 2 * std::numbers::pi * 6.371e6;  // of the equator, m

// One rank, or one of several whose messages the test itself adds.
class Rank : public Forecaster {
 public:
  Rank(Range rows, std::vector<float> owned = {}) : rows_(rows), owned_(std::move(owned)) {}
  std::vector<float> step(std::span<const float> states, std::span<const data::TimeStamp>, int64_t,
                          std::span<const uint64_t>) override {
    return {states.begin(), states.end()};
  }
  Range rows() const override { return rows_; }
  std::span<const float> owned() const override { return owned_; }
  void sum_over_ranks(std::span<double>) override {}
  bool writes() const override { return true; }
  int64_t patch_columns() const override { return patch_columns_; }

  int64_t patch_columns_ = 0;

 private:
  Range rows_;
  std::vector<float> owned_;
};

grid::Grid grid_of(std::vector<double> latitude, int64_t columns, double spacing) {
  grid::Grid grid{std::move(latitude), {}};
  for (int64_t x = 0; x < columns; ++x)
    grid.longitude.push_back(spacing * static_cast<double>(x));
  return grid;
}

Spectrum spectrum_of(const grid::Grid& grid, const std::vector<float>& truth,
                     const std::vector<float>& forecast) {
  Rank rank({0, grid.rows()});
  const std::vector<int64_t> variables = {0};
  SpectrumSums sums(grid, rank, variables, 1);
  EXPECT_EQ(sums.problem(), "");
  sums.add(0, {forecast, truth, truth, truth}, {});
  return sums.mean(0, rank);
}

TEST(Spectra, WeighCirclesByTheirLengthAndTakeTheMiddleLatitudes) {
  const grid::Grid grid = grid_of({75, 60, 0, -45}, 8, 45);
  std::vector<float> truth(32), forecast(32);
  for (int x = 0; x < 8; ++x) {
    for (int y = 0; y < 4; ++y) {
      truth[y * 8 + x] = static_cast<float>(2 * std::cos(std::numbers::pi / 4 * (y == 1 ? 1 : 3) * x));
      forecast[y * 8 + x] = truth[y * 8 + x] / 2 + (y % 2 == 0 ? 100 : 0);
    }
  }
  const Spectrum s = spectrum_of(grid, truth, forecast);
  EXPECT_EQ(s.wavenumber, (std::vector<double>{0, 1, 2, 3, 4}));
  EXPECT_EQ(s.rows, 2) << "75 N and the equator are not taken";
  EXPECT_NEAR(s.truth[1], 2.0 * kCircle * 0.5 / 2, 1e-5 * kCircle) << "60 N";
  EXPECT_NEAR(s.truth[3], 2.0 * kCircle * std::sqrt(0.5) / 2, 1e-5 * kCircle) << "45 S";
  EXPECT_NEAR(s.forecast[3] / s.truth[3], 0.25, 1e-6);
  EXPECT_NEAR(s.forecast[0], 0, 1e-5 * kCircle);
}

TEST(Spectra, OfARegionCountWavesInTheWholeCircle) {
  const grid::Grid grid = grid_of({10, 0}, 6, 2.5);  // no middle latitudes: all rows
  std::vector<float> field(12);
  for (int x = 0; x < 6; ++x)
    field[x] = field[6 + x] = static_cast<float>(std::cos(std::numbers::pi * (x + 0.5) / 6 * 2));
  const Spectrum s = spectrum_of(grid, field, field);
  EXPECT_EQ(s.rows, 2);
  ASSERT_EQ(s.wavenumber.size(), 6U);
  EXPECT_DOUBLE_EQ(s.wavenumber[2], 24.0) << "one wave in 15 degrees";
  const double length = kCircle * 15 / 360 * (1 + std::cos(10 * std::numbers::pi / 180)) / 2;
  EXPECT_NEAR(s.truth[2], 0.5 * length, 1e-6 * length);
  EXPECT_NEAR(s.truth[1] + s.truth[3], 0, 1e-6 * length);
}

TEST(Spectra, LeaveOutRowsWithMissingValues) {
  const grid::Grid grid = grid_of({50, 40, 35}, 4, 90);
  const std::vector<float> truth = {1, 1, 1, 1, 2, kMissing, 2, 2, 3, 3, 3, 3};
  const std::vector<float> forecast = {1, 1, 1, kMissing, 2, 2, 2, 2, 5, 5, 5, 5};
  const Spectrum s = spectrum_of(grid, truth, forecast);
  EXPECT_EQ(s.rows, 1);
  EXPECT_NEAR(s.forecast[0] / s.truth[0], 25.0 / 9.0, 1e-12);
  const Spectrum none = spectrum_of(grid, std::vector<float>(12, kMissing), forecast);
  EXPECT_EQ(none.rows, 0);
  EXPECT_TRUE(none.truth.empty());
}

TEST(Spectra, SayHowMuchAForecastJumpsBetweenPatches) {
  const grid::Grid grid = grid_of({50, 40}, 8, 45);
  // Truth changes by 1 everywhere; the forecast by 2 inside patches of 4 columns, by 6 between them.
  const std::vector<float> truth = {0, 1, 2, 3, 4, 5, 6, 7, 7, 6, 5, 4, 3, 2, 1, 0},
                           forecast = {0, 2, 4, 6, 12, 14, 16, 18, 3, 1, 3, 1, 7, 9, 7, 9};
  const std::vector<int64_t> variables = {0};
  for (const int64_t patch : {0, 1, 4}) {
    Rank rank({0, 2});
    rank.patch_columns_ = patch;
    SpectrumSums sums(grid, rank, variables, 1);
    sums.add(0, {forecast, truth, truth, truth}, {});
    const double ratio = sums.mean(0, rank).patch_edge_ratio;
    if (patch == 4) {
      EXPECT_NEAR(ratio, 3.0, 1e-12);
    } else {
      EXPECT_TRUE(std::isnan(ratio)) << patch;
    }
  }
}

TEST(Spectra, SayWhyThereAreNone) {
  Rank rank({0, 1});
  const std::vector<int64_t> variables = {0};
  for (const grid::Grid& grid : {grid::Grid{{45}, {0, 10, 20, 40}}, grid::Grid{{45}, {0, 10, 20}}}) {
    SpectrumSums sums(grid, rank, variables, 1);
    EXPECT_NE(sums.problem().find("at least 4 longitudes at equal distances"), std::string::npos);
    EXPECT_EQ(sums.message_size(), 0);
    EXPECT_EQ(sums.mean(0, rank).rows, 0);
  }
  const grid::Grid across{{45}, {340, 350, 0, 10}};
  EXPECT_EQ(SpectrumSums(across, rank, variables, 1).problem(), "") << "across Greenwich";
}

Spectrum with_powers(std::vector<double> truth, std::vector<double> forecast) {
  Spectrum s;
  s.truth = std::move(truth), s.forecast = std::move(forecast);
  return s;
}

TEST(Spectrum, RatioIsThatOfTheFinestQuarter) {
  // Waves 0 .. 8: the quarter is waves 7 and 8.
  EXPECT_DOUBLE_EQ(
      with_powers({9, 256, 128, 64, 32, 16, 8, 4, 2}, {9, 256, 128, 64, 32, 16, 8, 1, 2}).small_scale_ratio(),
      0.5);
  EXPECT_TRUE(std::isnan(with_powers({9, 4, 2, 1}, {9, 4, 2, 1}).small_scale_ratio()));
}

TEST(Spectrum, WavesWithoutWeatherAreNotResolved) {
  std::vector<double> power = {1e9};
  for (int k = 1; k <= 48; ++k)
    power.push_back(std::pow(k, -2.0));
  EXPECT_EQ(with_powers(power, power).resolved(), 49) << "all";
  // As a model truncated at wave 30 whose fields are packed: little, and not quite the same, in all finer
  // waves.
  for (int k = 31; k <= 48; ++k)
    power[k] = 1e-7 * (1 + 10.0 / k);
  EXPECT_EQ(with_powers(power, power).resolved(), 31);
  std::vector<double> forecast = power;
  for (int k = 31; k <= 48; ++k)
    forecast[k] = 1.0;
  EXPECT_DOUBLE_EQ(with_powers(power, forecast).small_scale_ratio(), 1.0);
  for (int k = 31; k <= 48; ++k)
    power[k] = 0;
  EXPECT_EQ(with_powers(power, power).resolved(), 31) << "nothing at all there";
  EXPECT_EQ(with_powers(std::vector<double>(20, 0.0), std::vector<double>(20, 0.0)).resolved(), 1);
}

}  // namespace
}  // namespace seqvit::evaluate
