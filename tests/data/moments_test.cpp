#include "data/moments.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace seqvit::data {
namespace {

TEST(RunningMoments, KeepsItsDigitsOnALargeMean) {
  // Alternating mean +- 1: a variance of 1 that sums of squares would lose (1e16 needs all 53 bits).
  RunningMoments moments;
  for (int field = 0; field < 100; ++field) {
    std::vector<double> values;
    for (int i = 0; i < 10000; ++i)
      values.push_back(1e8 + (i % 2 == 0 ? 1.0 : -1.0));
    moments.add(std::span<const double>(values));
  }
  EXPECT_EQ(moments.count(), 1000000);
  EXPECT_NEAR(moments.mean(), 1e8, 1e-6);
  EXPECT_NEAR(moments.std(), 1.0, 1e-9);
  EXPECT_EQ(moments.min(), 1e8 - 1);
  EXPECT_EQ(moments.max(), 1e8 + 1);
}

TEST(RunningMoments, AnyDivisionGivesTheSame) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal(250.0, 12.0);
  std::vector<double> values(50000);
  for (size_t i = 0; i < values.size(); ++i)
    values[i] = i % 7 == 0 ? NAN : normal(random);
  double sum = 0, squares = 0;
  int64_t count = 0;
  for (const double value : values) {
    if (std::isnan(value)) continue;
    sum += value;
    ++count;
  }
  const double mean = sum / static_cast<double>(count);
  for (const double value : values)
    squares += std::isnan(value) ? 0.0 : (value - mean) * (value - mean);
  for (int trial = 0; trial < 10; ++trial) {
    RunningMoments whole;
    for (size_t begin = 0; begin < values.size();) {
      const size_t size = std::min<size_t>(values.size() - begin, 1 + random() % 9000);
      RunningMoments part;
      part.add(std::span<const double>(values).subspan(begin, size));
      whole.merge(part);
      begin += size;
    }
    EXPECT_EQ(whole.count(), count);
    EXPECT_NEAR(whole.mean(), mean, 1e-10);
    EXPECT_NEAR(whole.std(), std::sqrt(squares / static_cast<double>(count)), 1e-10);
  }
}

TEST(RunningMoments, NothingAndConstants) {
  RunningMoments moments;
  EXPECT_TRUE(std::isnan(moments.mean()) && std::isnan(moments.std()) && std::isnan(moments.min()));
  EXPECT_FALSE(moments.constant());
  const std::vector<float> values = {NAN, 0.1F, 0.1F, NAN, 0.1F};
  moments.add(std::span<const float>(values));
  EXPECT_EQ(moments.count(), 3);
  EXPECT_TRUE(moments.constant());
  EXPECT_EQ(moments.std(), 0.0);
}

}  // namespace
}  // namespace seqvit::data
