#include "evaluate/bootstrap.h"

#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

#include "core/random.h"

namespace seqvit::evaluate {
namespace {

double mean(std::span<const double> values, std::span<const float> counts) {
  double sum = 0, taken = 0;
  for (size_t i = 0; i < values.size(); ++i) {
    sum += counts[i] * values[i];
    taken += counts[i];
  }
  return sum / taken;
}

TEST(Bootstrap, BlocksSpanFiveDaysButNotMoreThanHalfTheSeries) {
  EXPECT_EQ(Bootstrap::block_length(100, 6.0), 20) << "5 days of 6 hours";
  EXPECT_EQ(Bootstrap::block_length(900, 6.0), 30) << "square root";
  EXPECT_EQ(Bootstrap::block_length(24, 6.0), 12) << "half";
  EXPECT_EQ(Bootstrap::block_length(100, 730.5), 10) << "months";
  EXPECT_EQ(Bootstrap::block_length(1, 0.0), 1);
}

TEST(Bootstrap, EveryResampleIsAsLongAsTheSeriesAndMadeOfBlocks) {
  const Bootstrap bootstrap(50, 8, 3);
  for (int64_t r = 0; r < Bootstrap::kResamples; ++r) {
    const auto counts = bootstrap.counts(r);
    EXPECT_EQ(std::accumulate(counts.begin(), counts.end(), 0.0f), 50.0f);
  }
  EXPECT_TRUE(std::ranges::equal(bootstrap.counts(7), Bootstrap(50, 8, 3).counts(7)))
      << "same seed, same draws";
  EXPECT_FALSE(std::ranges::equal(bootstrap.counts(7), Bootstrap(50, 8, 4).counts(7)));
}

/// Of 400 resamples of 50 a time is drawn 400 times on average, at the ends as in the middle.
TEST(Bootstrap, DrawsEveryTimeAlike) {
  constexpr int64_t kLength = 50, kBlock = 20;
  std::vector<double> drawn(kLength, 0.0);
  for (const uint64_t seed : {1, 2, 3, 4, 5}) {
    const Bootstrap bootstrap(kLength, kBlock, seed);
    for (int64_t r = 0; r < Bootstrap::kResamples; ++r) {
      for (int64_t i = 0; i < kLength; ++i)
        drawn[i] += bootstrap.counts(r)[i] / (5.0 * Bootstrap::kResamples);
    }
  }
  for (int64_t i = 0; i < kLength; ++i)
    EXPECT_NEAR(drawn[i], 1.0, 0.12) << i;  // of blocks that do not go round, the first would have 0.1
}

/// What two forecasts have in common, hard days, is in both of a resample's scores and not in their
/// difference.
TEST(Bootstrap, DifferencesOverTheSameTimesAreSurerThanScores) {
  constexpr int64_t kLength = 200;
  std::vector<double> one(kLength), other(kLength), difference(kLength);
  for (int64_t i = 0; i < kLength; ++i) {
    const double day = normal(7, i / 10);
    one[i] = 2.0 + day + 0.1 * normal(8, i), other[i] = 2.2 + day + 0.1 * normal(9, i);
    difference[i] = other[i] - one[i];
  }
  const Bootstrap bootstrap(kLength, 20, 1);
  const auto of = [&](const std::vector<double>& values) {
    return bootstrap.interval([&](std::span<const float> counts) { return mean(values, counts); });
  };
  EXPECT_GT(of(one).high, of(other).low) << "each alone: they overlap";
  EXPECT_GT(of(difference).low, 0.15);
  EXPECT_LT(of(difference).high, 0.25);
}

TEST(Bootstrap, NoIntervalForAShortSeries) {
  const auto interval = Bootstrap(5, 2, 0).interval([](auto) { return 1.0; });
  EXPECT_TRUE(std::isnan(interval.low) && std::isnan(interval.high));
}

// Of many red-noise series with mean 0, the interval of the mean should hold 0 about 95 times in 100 (a
// little less, as blocks cut dependence); single draws as blocks would be far too sure.
TEST(Bootstrap, CoversTheTruthForSeriesWithMemory) {
  constexpr int64_t kLength = 400;
  int covered = 0, covered_by_single = 0;
  for (uint64_t series = 0; series < 100; ++series) {
    std::vector<double> values(kLength);
    double value = normal(series, 1u << 20);
    for (int64_t i = 0; i < kLength; ++i)
      values[i] = value = 0.8 * value + 0.6 * normal(series, i);
    const auto score = [&](std::span<const float> counts) { return mean(values, counts); };
    const auto blocks = Bootstrap(kLength, 20, series).interval(score);
    const auto single = Bootstrap(kLength, 1, series).interval(score);
    covered += blocks.low <= 0 && 0 <= blocks.high ? 1 : 0;
    covered_by_single += single.low <= 0 && 0 <= single.high ? 1 : 0;
  }
  EXPECT_GE(covered, 84);
  EXPECT_LE(covered_by_single, 70);
}

}  // namespace
}  // namespace seqvit::evaluate
