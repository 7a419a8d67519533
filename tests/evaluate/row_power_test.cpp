#include "evaluate/row_power.h"

#include <cmath>
#include <numbers>
#include <numeric>

#include <gtest/gtest.h>

#include "core/random.h"

namespace seqvit::evaluate {
namespace {

constexpr double kPi = std::numbers::pi;

std::vector<float> noise(int64_t size) {
  std::vector<float> row;
  for (int64_t i = 0; i < size; ++i)
    row.push_back(static_cast<float>(normal(3, i)));
  return row;
}

// The definition of the transform, term by term.
double plain_power(const std::vector<float>& period, int64_t k) {
  std::complex<double> sum = 0;
  const auto size = static_cast<double>(period.size());
  for (size_t i = 0; i < period.size(); ++i)
    sum += static_cast<double>(period[i]) * std::polar(1.0, -2 * kPi * static_cast<double>(k * i) / size);
  return (k == 0 ? 1.0 : 2.0) * std::norm(sum / size);
}

TEST(RowPower, OfACircleEqualsTheDefinition) {
  for (const int64_t columns : {1, 2, 3, 4, 7, 12, 30, 36, 53, 96, 125, 128}) {
    const std::vector<float> row = noise(columns);
    RowPower power(columns, true);
    const std::vector<double> found = power(row);
    ASSERT_EQ(found.size(), static_cast<size_t>(columns / 2 + 1));
    for (size_t k = 0; k < found.size(); ++k)
      EXPECT_NEAR(found[k], plain_power(row, k), 1e-14) << "wave " << k << " of " << columns;
  }
}

TEST(RowPower, OfAnOpenRowIsThatOfTheMirroredOne) {
  for (const int64_t columns : {1, 4, 9, 53}) {
    const std::vector<float> row = noise(columns);
    std::vector<float> mirrored = row;
    mirrored.insert(mirrored.end(), row.rbegin(), row.rend());
    RowPower power(columns, false);
    const std::vector<double> found = power(row);
    ASSERT_EQ(found.size(), static_cast<size_t>(columns));
    for (size_t k = 0; k < found.size(); ++k)
      EXPECT_NEAR(found[k], plain_power(mirrored, k), 1e-14) << "wave " << k << " of " << columns;
    const double squares = std::inner_product(row.begin(), row.end(), row.begin(), 0.0);
    EXPECT_NEAR(std::accumulate(found.begin(), found.end(), 0.0), squares / static_cast<double>(columns),
                1e-6)
        << "the waves share out the mean square";
  }
}

// A trend's power falls with the fourth power of the wave, as that of a bent line: no jump at the ends, which
// would leave the second power everywhere.
TEST(RowPower, OfATrendStaysInTheLongWaves) {
  std::vector<float> row(64);
  std::iota(row.begin(), row.end(), 0.0f);
  RowPower open(64, false), circle(64, true);
  EXPECT_LT(open(row)[63] / open(row)[1], 1e-6);
  EXPECT_GT(circle(row)[31] / circle(row)[1], 1e-3);
}

TEST(RowPower, OfOneWaveIsHalfItsSquaredAmplitude) {
  std::vector<float> row(1440);
  for (size_t i = 0; i < row.size(); ++i)
    row[i] = 5.0f + 3.0f * static_cast<float>(std::sin(2 * kPi * 7 * static_cast<double>(i) / 1440 + 0.4));
  RowPower power(1440, true);
  const std::vector<double> found = power(row);
  EXPECT_NEAR(found[0], 25.0, 1e-6);
  EXPECT_NEAR(found[7], 4.5, 1e-6);
  EXPECT_NEAR(std::accumulate(found.begin(), found.end(), 0.0), 29.5, 1e-5);
}

}  // namespace
}  // namespace seqvit::evaluate
