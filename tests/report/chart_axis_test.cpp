#include "report/chart_axis.h"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

namespace seqvit::report {
namespace {

using Texts = std::vector<std::string>;

TEST(ChartAxis, HoldsEveryFiniteValueWithAMargin) {
  const ChartAxis axis = axis_of({3.0, std::numeric_limits<double>::quiet_NaN(), 13.0});
  EXPECT_LT(axis.low, 3.0);
  EXPECT_GT(axis.low, 2.0);
  EXPECT_GT(axis.high, 13.0);
  EXPECT_DOUBLE_EQ(axis.position(8.0), 0.5);
}

TEST(ChartAxis, IsNeverEmpty) {
  for (const auto& values : {std::vector<double>{}, {0.0}, {7.0, 7.0}, {-1e-30}}) {
    const ChartAxis axis = axis_of(values);
    EXPECT_LT(axis.low, axis.high);
    EXPECT_FALSE(axis.ticks(5).empty());
  }
}

TEST(ChartAxis, LogarithmicOnlyWhereAllValuesArePositive) {
  EXPECT_FALSE(axis_of({0.0, 10.0}, true).logarithmic);
  const ChartAxis axis = axis_of({0.01, 1.0}, true);
  EXPECT_TRUE(axis.logarithmic);
  EXPECT_NEAR(axis.position(0.1), 0.5, 1e-12);
  EXPECT_EQ(axis_texts(axis.ticks(7)), (Texts{"0.01", "0.02", "0.05", "0.1", "0.2", "0.5", "1"}));
  EXPECT_LE(axis.ticks(4).size(), 5U);
  EXPECT_EQ(axis_texts(axis_of({30.0, 3e8}, true).ticks(6)),
            (Texts{"100", "1000", "10000", "100000", "1e+06", "1e+07", "1e+08"}))
      << "powers alone, and short, where it spans many";
  EXPECT_GE(axis_of({0.31, 0.34}, true).ticks(5).size(), 2U)
      << "no power of ten within: round numbers instead";
}

TEST(ChartAxis, TicksAreRoundAndWithinTheAxis) {
  const ChartAxis axis = axis_of({0.0, 2000.0});
  EXPECT_EQ(axis_texts(axis.ticks(5)), (Texts{"0", "500", "1,000", "1,500", "2,000"}));
  for (const double tick : axis_of({0.137, 0.912}).ticks(5)) {
    EXPECT_GE(tick, 0.0);
    EXPECT_NEAR(tick * 10, std::round(tick * 10), 1e-9);
  }
}

TEST(ChartAxis, TextsTellTicksApart) {
  EXPECT_EQ(axis_texts({0.0, 0.0005, 0.001}), (Texts{"0", "0.0005", "0.001"}));
  EXPECT_EQ(axis_texts({0, 2e-6}), (Texts{"0", "2e-06"}));
  EXPECT_EQ(axis_texts({99.5, 100}), (Texts{"99.5", "100"}));
}

TEST(ChartAxis, GroupsDigitsByThree) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(-1234567), "-1,234,567");
}

}  // namespace
}  // namespace seqvit::report
